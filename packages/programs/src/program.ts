/** A service that is a program of its own: where it is asked, and how many of it there are. */

import path from 'node:path'
import { type Exchange, GatewayError, type Origin } from '@relayrace/gateway'
import { after, longest } from '@relayrace/gateway/strategy'
import { type Address, freePort, portAddress, removeSocket, socketAddress, socketIn } from './address.ts'
import { hold } from './guard.ts'
import { Instance, type InstanceStatus, ProgramError, type ProgramLine, type Start } from './instance.ts'
import { endWithExchanges, lease } from './leases.ts'
import { type Owner, Place, type Restart } from './place.ts'
import { accepts, type Ready } from './ready.ts'

/** Durations are milliseconds. In `command`, `args` and `env`, `{port}`, `{host}` and `{socket}` are filled in. */
export interface ProgramOptions {
  /** An executable: a path, or a name that is found in PATH. No shell reads it. */
  readonly command: string
  readonly args?: readonly string[]
  /** In log lines and errors. Default: the name of the executable. */
  readonly name?: string
  /** Where it is run. Default: where this process is. */
  readonly cwd?: string
  /** Beside the environment of this process; `undefined` takes a variable out of it. PORT, HOST and SOCKET say where to listen. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Where it listens. `'auto'`: at a port that is free, another one for each instance. A number: always there. */
  readonly port?: number | 'auto'
  /** Where it listens instead of a port: a Unix domain socket. `'auto'`: in a folder that nobody else may look into. */
  readonly socket?: string
  /** The address that it listens at, and that is asked. `127.0.0.1`. */
  readonly host?: string
  /** When it can be asked. `'connect'`. */
  readonly ready?: Ready
  /** Until then at most. 30 000. */
  readonly startup?: number
  /** How long a request waits for it while it starts, before it is answered 503. 10 000. */
  readonly wait?: number
  /** When it is started again after it has died; `false`: never. */
  readonly restart?: Partial<Restart> | false
  readonly stop?: Partial<Stop>
  /** How many there are at a time; while one is replaced, one more. Only where each has an address of its own. 1. */
  readonly instances?: number
  /** Stops it when no exchange was with it for that long; the next one starts it again. Infinity. */
  readonly idle?: number
  /** Told every line that it prints, and what becomes of it. Default: to standard output and error, after its name. */
  readonly log?: (line: ProgramLine) => void
}

export interface Stop {
  /** What it is asked with to end. SIGTERM. */
  readonly signal: NodeJS.Signals
  /** From then to SIGKILL. 10 000. */
  readonly grace: number
  /** Before: how long its exchanges may take to end. 10 000. */
  readonly drain: number
}

export type ProgramStatus = 'stopped' | 'starting' | 'ready' | 'down' | 'closed'

export interface ProgramState {
  readonly name: string
  /** `stopped`: the next request starts it. `down`: requests are answered 503. */
  readonly status: ProgramStatus
  readonly instances: readonly InstanceState[]
  /** Requests that wait for it to be ready. */
  readonly waiting: number
  /** How often an instance was started, and how often because another one had died. */
  readonly starts: number
  readonly restarts: number
  /** Why the last instance came to nothing; undefined once another one is ready. */
  readonly error: Error | undefined
}

export interface InstanceState {
  readonly id: number
  readonly pid: number | undefined
  readonly status: InstanceStatus
  readonly origin: Origin
  readonly inFlight: number
  /** When it was started, in milliseconds since 1970. */
  readonly since: number
}

export interface Program extends AsyncDisposable {
  readonly name: string
  /**
   * Chooses an instance for an exchange: as a gateway's `upstream`, or as `to` of a `Route`. Starts the program if nobody
   * has, and waits for it. Throws a `GatewayError`, which is answered 503, when it is down or takes too long.
   */
  readonly upstream: (exchange: Exchange) => Origin | Promise<Origin>
  /** Resolves when all instances are ready. Rejects with a `ProgramError` when one is not; it is tried again then as well. */
  start(): Promise<void>
  /**
   * Puts new instances in the places of those that run, one by one: a new one is ready before an old one is told no more,
   * and that one ends what it has begun. Where there is one fixed address requests wait meanwhile. Rejects when a new one
   * comes to nothing, and the old one goes on.
   */
  roll(): Promise<void>
  /** Ends all instances, after their exchanges. Resolves when nothing of them is left. Calling it again returns the same promise. */
  close(): Promise<void>
  state(): ProgramState
}

/** @throws TypeError when an option makes no sense. */
export function program(options: ProgramOptions): Program {
  return new ChildProgram(options)
}

const defaultRestart: Restart = { min: 100, max: 10_000, lived: 1_000, attempts: Number.POSITIVE_INFINITY }
const defaultStop: Stop = { signal: 'SIGTERM', grace: 10_000, drain: 10_000 }

interface Waiter {
  resolve(origin: Origin): void
  reject(error: Error): void
  readonly exchange: Exchange
}

class ChildProgram implements Program, Owner {
  readonly name: string
  readonly restart: Restart | undefined
  readonly drain: number
  readonly overlapping: boolean
  wanted = false

  readonly #options: ProgramOptions
  readonly #start: Start
  readonly #wait: number
  readonly #idle: number
  readonly #places: readonly Place[]
  readonly #waiters = new Set<Waiter>()
  /** Where the last search for an instance has ended. */
  #last = 0
  #starts = 0
  #restarts = 0
  #error: Error | undefined
  #closed: Promise<void> | undefined
  #rolling: Promise<void> | undefined
  #rollingNext: Promise<void> | undefined
  /** By `performance.now()`. */
  #usedAt = 0
  #idleTimer: NodeJS.Timeout | undefined
  readonly #letGo: () => void

  constructor(options: ProgramOptions) {
    check(options)
    const { command, args = [], cwd, env = {}, ready = 'connect', startup = 30_000, log = print } = options
    const { name = path.basename(command), wait = 10_000, idle = Number.POSITIVE_INFINITY } = options
    const { instances = 1, port = 'auto', socket, restart } = options
    const stop = { ...defaultStop, ...options.stop }
    this.name = name
    this.restart = restart === false ? undefined : { ...defaultRestart, ...restart }
    this.drain = stop.drain
    this.overlapping = socket === undefined ? port === 'auto' : socket === 'auto'
    this.#options = options
    this.#wait = wait
    this.#idle = idle
    this.#start = {
      name,
      command,
      args,
      cwd,
      env,
      ready,
      startup,
      stop,
      log: (line) => {
        try {
          log({ program: name, ...line })
        } catch (cause) {
          process.emitWarning(`log of ${name} has failed: ${String(cause)}`, 'RelayraceWarning')
        }
      },
    }
    this.#places = Array.from({ length: instances }, () => new Place(this))
    this.#letGo = endWithExchanges()
  }

  readonly upstream = (exchange: Exchange): Origin | Promise<Origin> => {
    if (this.#closed !== undefined) throw unavailable()
    this.#usedAt = performance.now()
    return this.#choose(exchange) ?? this.#await(exchange)
  }

  async start(): Promise<void> {
    if (this.#closed !== undefined) throw new ProgramError(`${this.name} has been closed`)
    this.#want()
    const begun = await Promise.allSettled(this.#places.map((place) => place.begin()))
    for (const result of begun) if (result.status === 'rejected') throw result.reason
  }

  async roll(): Promise<void> {
    if (this.#closed !== undefined) throw new ProgramError(`${this.name} has been closed`)
    if (!this.wanted) return
    // Who asks during a change wants what there is now: one more change, for all who ask.
    if (this.#rolling !== undefined) {
      this.#rollingNext ??= this.#rolling.then(
        () => this.#beginRoll(),
        () => this.#beginRoll(),
      )
      return this.#rollingNext
    }
    return this.#beginRoll()
  }

  #beginRoll(): Promise<void> {
    this.#rollingNext = undefined
    this.#rolling = this.#rollAll().finally(() => {
      this.#rolling = undefined
    })
    return this.#rolling
  }

  async #rollAll(): Promise<void> {
    for (const place of this.#places) {
      if (!this.wanted) return
      await place.replace().catch((error: Error) => {
        // It is stopped meanwhile: there is nothing to replace any more.
        if (this.wanted) throw error
      })
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#end()
    return this.#closed
  }

  async #end(): Promise<void> {
    this.wanted = false
    clearTimeout(this.#idleTimer)
    this.#refuse()
    for (const place of this.#places) place.giveUp()
    await Promise.all(this.#places.map((place) => place.end()))
    await this.#rolling?.catch(() => {})
    // What a change had begun when it was too late.
    await Promise.all(this.#places.map((place) => place.end(0)))
    this.#letGo()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  state(): ProgramState {
    const instances = this.#places.flatMap((place) => [...place.instances])
    return {
      name: this.name,
      status: this.#status,
      instances: instances
        .toSorted((a, b) => a.id - b.id)
        .map(({ id, pid, status, inFlight, since, address: { origin } }) => ({
          id,
          pid,
          status,
          origin,
          inFlight,
          since,
        })),
      waiting: this.#waiters.size,
      starts: this.#starts,
      restarts: this.#restarts,
      error: this.#error,
    }
  }

  get #status(): ProgramStatus {
    if (this.#closed !== undefined) return 'closed'
    if (this.#find() !== undefined) return 'ready'
    if (this.#isComing) return 'starting'
    return this.wanted ? 'down' : 'stopped'
  }

  get #isComing(): boolean {
    return this.#places.some((place) => place.isComing || isEnding(place))
  }

  #want(): void {
    this.wanted = true
    this.#usedAt = performance.now()
    if (Number.isFinite(this.#idle) && this.#idleTimer === undefined) this.#watchIdle(this.#idle)
  }

  /** One timer, which is set again for as long as it has been too early. */
  #watchIdle(ms: number): void {
    const look = (): void => {
      const busy = this.#isComing || this.#instances.some(({ inFlight }) => inFlight > 0)
      if (busy) this.#usedAt = performance.now()
      const left = this.#idle - (performance.now() - this.#usedAt)
      if (left > 0) {
        this.#watchIdle(left)
        return
      }
      this.#idleTimer = undefined
      this.wanted = false
      for (const place of this.#places) void place.end()
    }
    this.#idleTimer = setTimeout(look, Math.min(ms, longest)).unref()
  }

  get #instances(): Instance[] {
    return this.#places.flatMap((place) => [...place.instances])
  }

  /** The one with the fewest exchanges; of several the next one. */
  #find(): Instance | undefined {
    const places = this.#places
    let best: Instance | undefined
    let at = this.#last
    for (let i = 1; i <= places.length; i++) {
      const index = (this.#last + i) % places.length
      const { serving } = places[index] as Place
      if (serving?.status !== 'ready' || (best !== undefined && serving.inFlight >= best.inFlight)) continue
      best = serving
      at = index
    }
    this.#last = at
    return best
  }

  #choose(exchange: Exchange): Origin | undefined {
    const instance = this.#find()
    if (instance === undefined) return undefined
    // An exchange that is over does not end again.
    exchange.signal.throwIfAborted()
    lease(exchange, instance)
    return instance.address.origin
  }

  async #await(exchange: Exchange): Promise<Origin> {
    this.#want()
    for (const place of this.#places) place.keep()
    if (!this.#isComing) throw unavailable(this.#error)
    const { promise, resolve, reject } = Promise.withResolvers<Origin>()
    const waiter: Waiter = { resolve, reject, exchange }
    const { signal } = exchange
    const left = (): void => reject(signal.reason)
    const timer = after(this.#wait, () =>
      reject(unavailable(new ProgramError(`not ready within ${this.#wait} ms`))),
    )
    signal.addEventListener('abort', left)
    this.#waiters.add(waiter)
    try {
      return await promise
    } finally {
      this.#waiters.delete(waiter)
      clearTimeout(timer)
      signal.removeEventListener('abort', left)
    }
  }

  changed(): void {
    if (this.#find() !== undefined) {
      this.#error = undefined
      for (const { exchange, resolve, reject } of this.#waiters) {
        try {
          resolve(this.#choose(exchange) as Origin)
        } catch (cause) {
          reject(cause as Error)
        }
      }
      this.#waiters.clear()
    } else if (!this.#isComing) {
      this.#refuse()
    }
  }

  #refuse(): void {
    for (const { reject } of this.#waiters) reject(unavailable(this.#error))
    this.#waiters.clear()
  }

  died(): void {
    if (this.restart !== undefined) this.#restarts += 1
  }

  failed(error: Error, again: number | undefined): void {
    this.#error = error
    const then = again === undefined ? '' : `; starting again in ${again} ms`
    this.#start.log({ instance: this.#starts, stream: 'events', text: `${error.message}${then}` })
  }

  async launch(): Promise<Instance> {
    let holder: ReturnType<typeof hold> | undefined
    let address: Address | undefined
    try {
      holder = hold()
      address = await this.#address(holder.folder)
      if (!this.wanted) throw new ProgramError(`${this.name} has been stopped`)
      this.#starts += 1
      return new Instance(this.#starts, this.#start, address, holder)
    } catch (cause) {
      address?.release()
      await holder?.release()
      if (cause instanceof ProgramError) throw cause
      throw new ProgramError(`${this.name} could not be started: ${(cause as Error).message}`, { cause })
    }
  }

  async #address(folder: string): Promise<Address> {
    const { port = 'auto', socket, host = '127.0.0.1' } = this.#options
    if (socket === 'auto') return socketIn(folder, 'localhost')
    if (socket === undefined && port === 'auto') return freePort(host)
    const address =
      socket === undefined ? portAddress(host, port as number) : socketAddress('localhost', socket)
    // It would be taken for the program, and be sent what is meant for that.
    if (await accepts(address))
      throw new ProgramError(`${this.name}: somebody else listens at ${socket ?? `${host}:${port}`} already`)
    if (socket !== undefined) removeSocket(socket)
    return address
  }
}

/** It has died, and what it has left behind is being ended: the next one comes. */
function isEnding({ serving }: Place): boolean {
  return serving?.status === 'gone'
}

function unavailable(cause?: Error): GatewayError {
  return new GatewayError('destination_unavailable', { phase: 'connect', cause })
}

function print({ program, instance, stream, text }: ProgramLine): void {
  process[stream === 'stdout' ? 'stdout' : 'stderr'].write(`${program}#${instance} ${text}\n`)
}

const known: Readonly<Record<keyof ProgramOptions, string | undefined>> = {
  command: 'string',
  args: 'object',
  name: 'string',
  cwd: 'string',
  env: 'object',
  port: undefined,
  socket: 'string',
  host: 'string',
  ready: undefined,
  startup: 'number',
  wait: 'number',
  restart: undefined,
  stop: 'object',
  instances: 'number',
  idle: 'number',
  log: 'function',
}

function check(options: ProgramOptions): void {
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(known, name))
      throw new TypeError(`Unknown option ${name}. Known: ${Object.keys(known).join(', ')}`)
    const type = known[name as keyof ProgramOptions]
    if (value !== undefined && type !== undefined && (typeof value !== type || value === null))
      throw new TypeError(`Option ${name} has to be of type ${type}`)
  }
  const {
    command,
    port = 'auto',
    socket,
    host = '',
    ready = 'connect',
    restart,
    stop,
    instances = 1,
  } = options
  if (typeof command !== 'string' || command === '')
    throw new TypeError('Option command is missing: { command: "node", args: ["users.mjs"] }')
  const { args = [], env = {} } = options
  if (!Array.isArray(args)) throw new TypeError('Option args has to be an array: ["users.mjs"]')
  for (const [name, text] of Object.entries({ command, ...args, ...env }))
    if (text !== undefined && (typeof text !== 'string' || text.includes('\0')))
      throw new TypeError(`command, args and env are texts without NUL: ${name} is ${JSON.stringify(text)}`)
  if (process.platform === 'win32')
    throw new TypeError(
      'Programs are started on POSIX systems only: start it by other means, and give its URL as upstream',
    )
  if (socket !== undefined && options.port !== undefined)
    throw new TypeError('Options port and socket exclude each other: leave one of them out')
  if (port !== 'auto' && !(Number.isInteger(port) && port > 0 && port < 65_536))
    throw new TypeError(`Option port has to be 'auto' or a number from 1 to 65535, not ${String(port)}`)
  // 104 bytes where there are fewest of them.
  if (socket !== undefined && Buffer.byteLength(socket) > 103)
    throw new TypeError(
      `Option socket is too long for a Unix domain socket: ${socket}; 103 bytes at most, or "auto"`,
    )
  if (/[[\]/@?#\s]/.test(host)) throw new TypeError(`Option host has to be a name or an address, not ${host}`)
  if (!(Number.isInteger(instances) && instances > 0))
    throw new TypeError(`Option instances has to be a number from 1, not ${instances}`)
  if (instances > 1 && (socket ?? port) !== 'auto')
    throw new TypeError('Several instances need addresses of their own: leave port and socket to "auto"')
  if (ready !== 'connect') {
    const { path: asked, line } = Object(ready) as { path?: unknown; line?: unknown }
    if (
      (typeof asked !== 'string' || !/^\/[\x21-\x7e]*$/.test(asked)) &&
      typeof line !== 'string' &&
      !(line instanceof RegExp)
    )
      throw new TypeError(`Option ready has to be 'connect', { path: '/…' } or { line: /…/ }`)
  }
  const { startup, wait, idle } = options
  durations('', { startup, wait, idle })
  if (restart !== undefined && restart !== false)
    durations('restart.', groupOf(restart, defaultRestart, 'restart'))
  if (stop !== undefined) {
    const { grace, drain } = groupOf(stop, defaultStop, 'stop')
    durations('stop.', { grace, drain })
  }
}

function groupOf<T extends object>(given: T, defaults: object, group: string): T {
  for (const name of Object.keys(given))
    if (!Object.hasOwn(defaults, name))
      throw new TypeError(`Unknown option ${group}.${name}. Known: ${Object.keys(defaults).join(', ')}`)
  return given
}

function durations(group: string, given: object): void {
  for (const [name, value] of Object.entries(given))
    if (value !== undefined && !(typeof value === 'number' && value >= 0))
      throw new TypeError(`${group}${name} must be a number, zero or more, or Infinity: ${String(value)}`)
}
