/** One child: begun, ready, busy, gone. */

import { type ChildProcess, spawn } from 'node:child_process'
import type { Readable } from 'node:stream'
import { after } from '@relayrace/gateway/strategy'
import { type Address, filledIn } from './address.ts'
import type { hold } from './guard.ts'
import type { Leased } from './leases.ts'
import { inLines } from './lines.ts'
import { type Ready, says, untilReady } from './ready.ts'

/** What is needed to start one. */
export interface Start {
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly cwd: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  readonly ready: Ready
  /** Milliseconds until it has to be ready. */
  readonly startup: number
  readonly stop: { readonly signal: NodeJS.Signals; readonly grace: number }
  readonly log: (line: Omit<ProgramLine, 'program'>) => void
}

/** What a program has printed, or what became of it. */
export interface ProgramLine {
  readonly program: string
  /** Counted from 1 for each start. */
  readonly instance: number
  /** `events`: not printed by it, but said of it. */
  readonly stream: 'stdout' | 'stderr' | 'events'
  readonly text: string
}

/** An instance that came to nothing. */
export class ProgramError extends Error {
  override readonly name = 'ProgramError'
}

export interface Ending {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
}

export type InstanceStatus = 'starting' | 'ready' | 'draining' | 'stopping' | 'gone'

/** How long what an instance has left behind may keep its output open, in ms, before we stop reading it. */
const lastWords = 1_000

/** The shell tells the guard of itself and then becomes the program: there is no moment at which nobody knows of it. */
const register = 'echo "+$$" >&3; exec "$@" 3>&-'
/** Some shells lose variables that have other names. */
const shellName = /^[A-Za-z_][A-Za-z0-9_]*$/

export class Instance implements Leased {
  readonly id: number
  readonly address: Address
  readonly since: number = Date.now()
  readonly pid: number | undefined
  /** Resolves when it is ready. Rejects with a `ProgramError` when that will not be. */
  readonly ready: Promise<void>
  /** Resolves when nothing of it is left: no process of its group, and no output that was not told. */
  readonly gone: Promise<Ending>
  status: InstanceStatus = 'starting'
  /** When it was ready, by `performance.now()`. */
  readyAt: number | undefined
  inFlight = 0
  /** Called with each exchange less. */
  onReturned: () => void = () => {}

  readonly #start: Start
  readonly #child: ChildProcess
  /** Aborts when it has ended, or is to. */
  readonly #over = new AbortController()
  readonly #exited = Promise.withResolvers<Ending>()
  #heard: ((line: string) => void) | undefined
  #lastLine = ''

  /** @param holder The guard, held; released when the instance is gone. */
  constructor(id: number, start: Start, address: Address, holder: ReturnType<typeof hold>) {
    const { command, args, cwd, env } = start
    this.id = id
    this.#start = start
    this.address = address
    const [file = '', ...rest] = [command, ...args].map((text) => filledIn(text, address))
    const variables = environment(env, address)
    // A process group of its own, so that nothing of it is left.
    const options = { cwd, env: variables, detached: true } as const
    this.#child = Object.keys(variables).every((name) => shellName.test(name))
      ? spawn('/bin/sh', ['-c', register, start.name, file, ...rest], {
          ...options,
          stdio: ['ignore', 'pipe', 'pipe', holder.pipe],
        })
      : spawn(file, rest, { ...options, stdio: ['ignore', 'pipe', 'pipe'] })
    this.pid = this.#child.pid
    this.#child.once('error', (cause) => {
      // There is no process: `cwd` is not there, or there are too many processes or descriptors.
      if (this.pid !== undefined) return
      this.#lastLine = cause.message
      this.#exited.resolve({ code: null, signal: null })
    })
    if (this.pid !== undefined) holder.add(this.pid)
    const closed = Promise.all([this.#read('stdout'), this.#read('stderr')])
    this.#child.once('exit', (code, signal) => this.#exited.resolve({ code, signal }))
    this.gone = this.#end(closed, holder)
    this.ready = this.#await()
    // Who does not wait for it hears of the end.
    this.ready.catch(() => {})
  }

  #say(text: string): void {
    this.#start.log({ instance: this.id, stream: 'events', text })
  }

  returned(): void {
    this.onReturned()
  }

  /** Whether it has ended, is about to, or does so within that many milliseconds. */
  async endsWithin(ms: number): Promise<boolean> {
    if (this.status !== 'ready') return true
    let timer: NodeJS.Timeout | undefined
    const waited = new Promise((resolve) => (timer = setTimeout(resolve, ms)))
    await Promise.race([this.#exited.promise, waited])
    clearTimeout(timer)
    return this.status !== 'ready'
  }

  /** Waits for up to `limit` milliseconds until no exchange is with it. */
  async drain(limit: number): Promise<void> {
    if (this.status === 'ready') this.status = 'draining'
    if (this.inFlight === 0 || limit <= 0) return
    const { promise, resolve } = Promise.withResolvers<void>()
    const timer = after(limit, resolve)
    this.onReturned = () => this.inFlight === 0 && resolve()
    await Promise.race([promise, this.#exited.promise])
    clearTimeout(timer)
    if (this.inFlight > 0 && this.status === 'draining')
      this.#say(`${this.inFlight} exchanges have not ended within ${limit} ms`)
  }

  /** Asks all of its group to end, and ends what has not within the grace. */
  async stop(): Promise<void> {
    const { signal, grace } = this.#start.stop
    if (this.status !== 'gone') {
      this.status = 'stopping'
      this.#over.abort(new ProgramError('it was stopped before it was ready'))
      this.#kill(signal)
      const timer = after(grace, () => this.#kill('SIGKILL'))
      await this.#exited.promise
      clearTimeout(timer)
    }
    await this.gone
  }

  #kill(signal: NodeJS.Signals): void {
    if (this.pid === undefined) return
    try {
      process.kill(-this.pid, signal)
    } catch {
      // There is none of them left.
    }
  }

  async #end(closed: Promise<unknown>, holder: ReturnType<typeof hold>): Promise<Ending> {
    const ending = await this.#exited.promise
    this.status = 'gone'
    this.#over.abort(new ProgramError(`${howItEnded(ending)} before it was ready`))
    this.#kill('SIGKILL')
    const { stdout, stderr } = this.#child
    const timer = setTimeout(() => {
      stdout?.destroy()
      stderr?.destroy()
    }, lastWords)
    await closed
    clearTimeout(timer)
    this.#say(howItEnded(ending))
    if (this.pid !== undefined) holder.remove(this.pid)
    this.address.release()
    await holder.release()
    return ending
  }

  async #await(): Promise<void> {
    const { ready, startup } = this.#start
    const { signal } = this.#over
    const timer = after(startup, () =>
      this.#over.abort(new ProgramError(`it was not ready within ${startup} ms`)),
    )
    try {
      if (typeof ready === 'object' && 'line' in ready) await this.#says(ready, signal)
      else await untilReady(ready, this.address, signal)
      signal.throwIfAborted()
    } catch (cause) {
      // What was printed last comes after the end.
      if (this.status !== 'starting') await this.gone
      const { message } = (signal.aborted ? signal.reason : cause) as Error
      throw new ProgramError(`${this.#start.name}#${this.id}: ${message}${this.#quoted()}`)
    } finally {
      clearTimeout(timer)
      this.#heard = undefined
    }
    this.readyAt = performance.now()
    this.status = 'ready'
    this.#say(`ready after ${Date.now() - this.since} ms, process ${this.pid}`)
  }

  #says(ready: { readonly line: string | RegExp }, signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      if (signal.aborted) reject(signal.reason)
      this.#heard = (line) => says(ready, line) && resolve()
    })
  }

  #read(stream: 'stdout' | 'stderr'): Promise<void> {
    // Undefined, whatever the types say, when there was no descriptor for it.
    const source: Readable | null | undefined = this.#child[stream]
    if (!source) return Promise.resolve()
    return new Promise((resolve) => {
      inLines(source, (text) => {
        if (text !== '') this.#lastLine = text
        this.#start.log({ instance: this.id, stream, text })
        this.#heard?.(text)
      })
      source.once('close', resolve)
    })
  }

  #quoted(): string {
    return this.#lastLine === '' ? '' : `: ${this.#lastLine.slice(0, 500)}`
  }
}

export function howItEnded({ code, signal }: Ending): string {
  if (signal !== null) return `it was ended by ${signal}`
  return code === null ? 'it could not be started' : `it ended with ${code}`
}

function environment(given: Start['env'], address: Address): Record<string, string> {
  const { host, port, socket } = address
  // Those of this process are not the child's.
  const all: Record<string, string | undefined> = {
    ...process.env,
    HOST: host,
    PORT: port === undefined ? undefined : `${port}`,
    SOCKET: socket,
  }
  for (const [name, value] of Object.entries(given))
    all[name] = value === undefined ? undefined : filledIn(value, address)
  return Object.fromEntries(
    Object.entries(all).filter((entry): entry is [string, string] => entry[1] !== undefined),
  )
}
