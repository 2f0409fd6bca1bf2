/** Ordinary and bad clients, origins and hooks, all at once, for as long as one likes; then what is left of them. */

import { setTimeout as pause } from 'node:timers/promises'
import { certificates } from '@relayrace/fixtures/certificates'
import { type Protocol, protocols } from '@relayrace/fixtures/leaving'
import { seeded } from '@relayrace/fixtures/random'
import type { State } from './gateway.ts'
import { type SoakOrigin, startOrigin } from './origin.ts'
import { type Subject, startSubject } from './subject.ts'
import { type Visit, visits } from './visits.ts'

export interface SoakOptions {
  /** How long it is under load, in ms. What comes before and after is not in it. */
  readonly duration: number
  readonly seed: number
  readonly strategies: readonly string[]
  /** Clients at once, for each strategy. */
  readonly clients: number
  /** Runs the gateways. */
  readonly node: string
  readonly signal: AbortSignal
  report(line: string): void
}

export interface SoakResult {
  readonly seed: number
  readonly strategies: readonly StrategyResult[]
}

interface StrategyResult {
  readonly name: string
  readonly visits: number
  readonly before: State
  readonly after: State
  /** None: it has stood the load, and nothing is left of it. */
  readonly failures: readonly string[]
}

const surroundings = ['bare', 'hooked'] as const
/** What a heap may have grown by, whatever the time: caches that fill, code that was compiled. */
const slack = 4 * 1024 * 1024
/** Until idle connections have ended and everything has been collected, in ms. */
const settlesWithin = 30_000
/** Failures that are told of one strategy. What follows is more of the same. */
const most = 20
const reportEvery = 10_000

/** @throws Error when a gateway cannot be started. */
export async function soak(options: SoakOptions): Promise<SoakResult> {
  const origin = await startOrigin()
  const subjects: Subject[] = []
  try {
    for (const name of options.strategies)
      subjects.push(await startSubject(name, origin.url, await certificates(), options.node))
    const runs = await Promise.all(subjects.map((subject) => Run.warm(subject, options)))
    const until = performance.now() + options.duration
    const over = new AbortController()
    const reports = tell(runs, options, over.signal)
    await Promise.all(runs.map((run) => run.load(until)))
    over.abort()
    await reports
    return { seed: options.seed, strategies: await Promise.all(runs.map((run) => run.end(origin))) }
  } finally {
    for (const subject of subjects) subject.kill()
    origin.close()
  }
}

async function tell(runs: readonly Run[], { report }: SoakOptions, over: AbortSignal): Promise<void> {
  const begun = performance.now()
  for (;;) {
    await pause(reportEvery, undefined, { signal: over }).catch(() => {})
    if (over.aborted) return
    const seconds = Math.round((performance.now() - begun) / 1000)
    const each = runs.map(
      ({ subject: { name }, visits, failures }) =>
        `${name} ${visits}${failures.length > 0 ? ` (${failures.length} failed)` : ''}`,
    )
    report(`${seconds} s: visits of ${each.join(', ')}`)
  }
}

/** One strategy, and its clients. */
class Run {
  readonly subject: Subject
  readonly failures: string[] = []
  visits = 0
  readonly #options: SoakOptions
  readonly #ca: string
  #before!: State

  private constructor(subject: Subject, options: SoakOptions, ca: string) {
    this.subject = subject
    this.#options = options
    this.#ca = ca
  }

  /** Everything once in every way: what is compiled and cached is so before anything is counted. */
  static async warm(subject: Subject, options: SoakOptions): Promise<Run> {
    const run = new Run(subject, options, (await certificates()).ca)
    const all = visits.flatMap((visit) =>
      protocolsOf(visit, subject.name).flatMap((protocol) =>
        surroundings
          .filter((surrounding) => visit.hooked !== true || surrounding === 'hooked')
          .map((surrounding) => [visit, protocol, surrounding] as const),
      ),
    )
    const queue = all.values()
    await run.#together(async (dice) => {
      for (const [visit, protocol, surrounding] of queue) await run.#visit(visit, protocol, surrounding, dice)
    })
    run.#before = await run.#settled(() => true)
    run.visits = 0
    return run
  }

  async load(until: number): Promise<void> {
    const choose = chooser(this.subject.name)
    await this.#together(async (dice) => {
      while (performance.now() < until) {
        const { visit, protocol } = choose(dice)
        const surrounding = visit.hooked || dice() < 0.5 ? 'hooked' : 'bare'
        if (this.#stopped()) return
        await this.#visit(visit, protocol, surrounding, dice)
      }
    })
  }

  async end(origin: SoakOrigin): Promise<StrategyResult> {
    const { subject, failures, visits } = this
    const before = this.#before
    let after = before
    try {
      after = await this.#settled((now) => differences(before, now).length === 0)
      failures.push(...differences(before, after))
      if (!(await subject.close())) failures.push('close() does not return')
      if (this.#options.strategies.length === 1 && origin.sockets > 0)
        failures.push(`${origin.sockets} connections to the origin after close()`)
    } catch (error) {
      failures.push((error as Error).message)
    }
    return { name: subject.name, visits, before, after, failures: failures.slice(0, most) }
  }

  #stopped(): boolean {
    return this.#options.signal.aborted || this.subject.death !== undefined || this.failures.length >= most
  }

  /** As many clients at once as there may be, each with dice of its own. */
  async #together(work: (dice: () => number) => Promise<void>): Promise<void> {
    const { clients, seed } = this.#options
    await Promise.all(Array.from({ length: clients }, (_, client) => work(seeded(seed * 1_000 + client))))
  }

  async #visit(
    visit: Visit,
    protocol: Protocol,
    surrounding: (typeof surroundings)[number],
    dice: () => number,
  ): Promise<void> {
    const port = this.subject.ports[surrounding][protocol === 'HTTP/1.1' ? 'HTTP/1.1' : 'TLS']
    this.visits++
    try {
      await visit.run({ protocol, port, ca: this.#ca, dice })
    } catch (error) {
      this.failures.push(`${visit.name} (${protocol}, ${surrounding}): ${(error as Error).message}`)
    }
  }

  /** When nothing is under way and all is good, or what there is when that does not come. */
  async #settled(good: (state: State) => boolean): Promise<State> {
    const deadline = performance.now() + settlesWithin
    for (;;) {
      const state = await this.subject.state()
      if ((state.inFlight === 0 && state.connections === 0 && good(state)) || performance.now() > deadline)
        return state
      await pause(200)
    }
  }
}

/** What is there after a load, and was not before. */
export function differences(before: State, after: State): string[] {
  const wrong: string[] = []
  const more = (what: string, now: number, then: number): void => {
    if (now > then) wrong.push(`${now} ${what}, which were ${then}`)
  }
  more('exchanges in flight', after.inFlight, 0)
  more('upstream connections', after.connections, 0)
  more('exchanges that ended twice', after.endedAgain, 0)
  if (after.begun !== after.ended)
    wrong.push(
      `${after.begun} exchanges have begun, and ${after.ended} have ended, without ${after.underWay.join(', ')}`,
    )
  more('descriptors', after.descriptors, before.descriptors)
  more('listeners on process', after.listeners, before.listeners)
  for (const [kind, count] of Object.entries(after.resources)) {
    // How many timers there are depends on the moment: Node keeps a list for each duration.
    if (kind !== 'Timeout') more(`of ${kind}`, count, before.resources[kind] ?? 0)
  }
  const grown = after.heap - before.heap
  if (grown > slack) wrong.push(`the heap has grown by ${(grown / 1024 / 1024).toFixed(1)} MiB`)
  for (const warning of new Set(after.warnings)) wrong.push(`a warning: ${warning}`)
  return wrong
}

/** The duplex server speaks no HTTP/2. */
const protocolsOf = ({ over }: Visit, strategy: string): readonly Protocol[] =>
  protocols.filter(
    (protocol) => over.includes(protocol) && (protocol !== 'HTTP/2' || strategy !== 'duplex-server'),
  )

/** By weight, and each protocol of a visit as likely as the other. */
function chooser(strategy: string): (dice: () => number) => { visit: Visit; protocol: Protocol } {
  const possible = visits.flatMap((visit) => {
    const over = protocolsOf(visit, strategy)
    return over.map((protocol) => ({ visit, protocol, weight: visit.weight / over.length }))
  })
  const total = possible.reduce((sum, { weight }) => sum + weight, 0)
  return (dice) => {
    let left = dice() * total
    for (const one of possible) {
      left -= one.weight
      if (left < 0) return one
    }
    return possible[0] as (typeof possible)[number]
  }
}
