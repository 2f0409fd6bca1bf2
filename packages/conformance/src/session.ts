/** A running target with its origin, on which runs follow each other. It is restarted when it has died or is stuck. */

import { setTimeout as pause } from 'node:timers/promises'
import { heldConnections, openDescriptors, processTree } from '@relayrace/fixtures/proc'
import { seeded } from '@relayrace/fixtures/random'
import type { Running, Target } from '@relayrace/fixtures/target'
import {
  atLimit,
  connect,
  type DeliveryName,
  delivery,
  Missed,
  startOrigin,
  transcript,
} from '@relayrace/fixtures/wire'
import type { Lazily, Run, Setup } from './case.ts'
import { Failed, isLate } from './expect.ts'
import { probe, settleClients, settleComplaints, settleUpstream } from './ledger.ts'
import { type SetStage, setStage } from './stage.ts'

export interface Session extends AsyncDisposable {
  readonly setup: Setup
  perform(performance: Performance): Promise<Outcome>
}

export interface Performance {
  readonly run: Run
  readonly delivery: DeliveryName
  readonly seed: number
  /** In milliseconds. */
  readonly limit: number
}

export interface Outcome {
  /** `harness failed` must never happen: the case, not the target, is at fault. */
  readonly verdict: 'pass' | 'fail' | 'crash' | 'harness failed'
  /** One line. Empty for `pass`. */
  readonly why: string
  readonly transcript: string
  /** It fails by time alone: what did not come may still have come. */
  readonly late?: boolean
}

/** The target could not be started as the case needs it. */
export class NotStarted extends Error {
  override readonly name = 'NotStarted'
}

/** The limit of a run was over before anything was known. */
class Overrun extends Error {
  override readonly name = 'Overrun'
}

/** How long a dead process may take to be seen dead, after its sockets are. */
const deathPatience = 2000

export async function openSession(target: Target, setup: Setup): Promise<Session> {
  const over = new AbortController()
  const tls = await lazy(setup.tls, over.signal)
  const env = await lazy(setup.env, over.signal)
  const options = await lazy(setup.options, over.signal)
  const origin = await startOrigin({
    ...(target.originPort === undefined ? {} : { port: target.originPort }),
    ...(tls === undefined ? {} : { tls }),
  })
  const notStarted = async (cause: unknown): Promise<never> => {
    over.abort()
    await origin[Symbol.asyncDispose]()
    throw new NotStarted(String((cause as Error)?.message ?? cause).split('\n')[0], { cause })
  }
  const makeUpstream = async (): Promise<URL> =>
    (await setup.upstream?.(origin.url, over.signal)) ?? origin.url
  const upstream = await makeUpstream().catch(notStarted)
  const launch = async (): Promise<Alive> => {
    origin.reset()
    const started = await launched(target, upstream, options ?? {}, env)
    // It may have connected already, for whoever looked whether its port is open. That is no connection of a run.
    await settleUpstream(origin).catch(() => {})
    if (over.signal.aborted) await started.instance[Symbol.asyncDispose]()
    return started
  }
  /** Only when the target asks this origin, it can be asked for an answer. */
  const answers =
    setup.answers ?? (upstream.port === origin.url.port && upstream.protocol === origin.url.protocol)
  let alive = await launch().catch(notStarted)

  const ledger = async (stage: SetStage): Promise<void> => {
    for (const client of stage.clients) client.close()
    origin.forget()
    await settleUpstream(origin)
    if (answers) {
      await probe(origin, alive.instance.url)
      await settleUpstream(origin)
    }
    await atRest()
    settleComplaints(alive.news())
  }

  /** Looking through the connections of the whole machine is slow, and needless while no descriptor has been added. */
  const atRest = async (): Promise<void> => {
    const { pid, url } = alive.instance
    const open = openDescriptors(pid)
    if (open !== undefined && open <= alive.descriptors) return
    await settleClients(Number(url.port), alive.connections)
    alive.descriptors = openDescriptors(pid) ?? 0
  }

  let gone: string | undefined
  let restarted: Promise<void> = Promise.resolve()
  /** Another process, unless it is not ours to start. */
  const restart = async (): Promise<void> => {
    await alive.instance[Symbol.asyncDispose]()
    if (over.signal.aborted) return
    for (const connection of origin.connections) connection.reset()
    try {
      alive = await launch()
      const { exited, url } = alive.instance
      if (!exited && !(await accepts(url))) gone = 'it has died and was not started again'
    } catch (error) {
      gone = `it did not start again: ${oneLine(error)}`
    }
  }

  return {
    setup,
    async perform({ run, delivery: name, seed, limit }) {
      if (gone !== undefined) throw new NotStarted(gone)
      const record = transcript()
      const abort = new AbortController()
      const { signal } = abort
      const { instance } = alive
      const { url: target, pid } = instance
      let told = false
      const died = alive.died.then(() => (told ? new Promise<never>(() => {}) : undefined))
      const stage = setStage({
        ...{ origin, target, pid, record, delivery: name, seed, signal },
        stdout: () => instance.stdout?.() ?? '',
        async terminate() {
          if (pid === undefined) throw new Error('a target without a process cannot be told to end')
          told = true
          for (const one of new Set([pid, ...processTree(pid)])) process.kill(one, 'SIGTERM')
          await instance.exited
        },
      })
      origin.reset({ signal, transcript: record, delivery: delivery(name, seeded(seed + 2)) })
      const asked = await attempt(run(stage), limit, died)
      if (told) {
        for (const client of stage.clients) client.close()
        origin.forget()
      }
      const settled = told ? undefined : await attempt(ledger(stage), limit, died)
      // A dead process is seen dead a little later than its sockets are.
      const dead = settled !== undefined && (await hasDied(alive))
      abort.abort()
      // What a failure leaves behind must not fail the next case.
      if (asked !== undefined || settled !== undefined || told) {
        restarted = restart()
        await restarted
      }
      const error = asked ?? settled
      if (dead) return { verdict: 'crash', why: reasonOfDeath(instance, error), transcript: String(record) }
      if (error === undefined) return { verdict: 'pass', why: '', transcript: String(record) }
      const said = error instanceof Failed || error instanceof Missed
      const late = isLate(error) || error instanceof Overrun || (error instanceof Failed && stage.overslept())
      return {
        verdict: said ? 'fail' : 'harness failed',
        why: oneLine(error),
        transcript: String(record),
        late,
      }
    },
    async [Symbol.asyncDispose]() {
      over.abort()
      // Together: a target that ends in order waits for what is still to come from the origin.
      await Promise.all([origin[Symbol.asyncDispose](), alive.instance[Symbol.asyncDispose]()])
      // One that is just being started ends as soon as it has.
      await restarted
    },
  }
}

async function lazy<Value extends object>(
  value: Lazily<Value> | undefined,
  over: AbortSignal,
): Promise<Value | undefined> {
  return typeof value === 'function' ? value(over) : value
}

interface Alive {
  readonly instance: Running
  readonly died: Promise<void>
  /** Connections that others have to it. */
  readonly connections: number
  /** How many it had when it was last seen to hold no connection of a client. */
  descriptors: number
  /** What it has said on standard error since the last time. */
  news(): string
}

async function launched(
  target: Target,
  upstream: URL,
  options: Readonly<Record<string, string | number | true>>,
  env: Readonly<Record<string, string>> | undefined,
): Promise<Alive> {
  const args = Object.entries(options).flatMap(([name, value]) =>
    value === true ? [`--${name}`] : [`--${name}`, `${value}`],
  )
  const instance = await target.start(upstream, {
    ...(args.length > 0 ? { args } : {}),
    ...(env ? { env } : {}),
  })
  let said = instance.stderr?.() ?? ''
  return {
    instance,
    died: instance.exited?.then(() => {}) ?? new Promise(() => {}),
    connections: (await heldConnections(Number(instance.url.port)))?.length ?? 0,
    descriptors: 0,
    news() {
      const all = instance.stderr?.() ?? ''
      const fresh = all.startsWith(said) ? all.slice(said.length) : all
      said = all
      return fresh
    },
  }
}

/** Gives back what was thrown. */
async function attempt(work: Promise<void>, limit: number, died: Promise<void>): Promise<unknown> {
  const { promise: overrun, reject } = Promise.withResolvers<never>()
  const forget = atLimit(limit, () => reject(new Overrun(`it took more than ${limit} ms`)))
  const death = died.then(() => {
    throw new Failed('the process ended')
  })
  try {
    await Promise.race([work, overrun, death])
    return undefined
  } catch (error) {
    return error ?? new Error('nothing was thrown')
  } finally {
    forget()
    death.catch(() => {})
    work.catch(() => {})
  }
}

async function hasDied({ instance, died }: Alive): Promise<boolean> {
  if (instance.exited)
    return Promise.race([died.then(() => true), pause(deathPatience, false, { ref: false })])
  return !(await accepts(instance.url))
}

async function accepts(url: URL): Promise<boolean> {
  try {
    const client = await connect(url)
    client.close()
    return true
  } catch {
    return false
  }
}

function reasonOfDeath({ stderr }: Running, error: unknown): string {
  const lines = (stderr?.() ?? '').trim().split('\n')
  const said = lines.findLast((line) => /error|panic|fatal/i.test(line)) ?? lines.at(-1)
  return `the process died${said ? `: ${said.trim().slice(0, 200)}` : ` (${oneLine(error)})`}`
}

const oneLine = (error: unknown): string => {
  const text = error instanceof Failed || error instanceof Missed ? error.message : String(error)
  return text.replace(/\s*\n\s*/g, ' ').slice(0, 600)
}
