/** What the load generator is asked to do and what it answers. Plain JSON: it runs in a process of its own. */

import type { loads } from './index.ts'

export type Job = Parameters<(typeof loads)[number]['perform']>[1]

/** A load is one module, and one line in `index.ts`. */
export interface LoadModule<Asked extends { readonly kind: string }> {
  readonly kind: Asked['kind']
  /** Warms the target up: what it moves does not count, what goes wrong does. */
  warmUp(url: URL, job: Asked): Promise<Outcome>
  /** @param held Awaited while all stand still, by loads that do. */
  perform(url: URL, job: Asked, held: () => Promise<void>): Promise<Outcome>
  /** How many bytes it moves, if that is what takes its time. */
  bytes?(job: Asked): number
}

export interface Outcome {
  /** From the first byte asked for to the last byte that came. */
  readonly seconds: number
  /** Payload bytes that came back right, or went up and were found right. */
  readonly bytes: number
  /** Exchanges that ended as they should. */
  readonly exchanges: number
  /** What went wrong, and how often. Empty is the only good answer. */
  readonly problems: Readonly<Record<string, number>>
  /** Further numbers, by the metric they feed. */
  readonly values: Readonly<Record<string, number>>
}

/** Parent to child. `go` starts the timed part; after `held`, it lets those go on that stand still. */
export type Order =
  | { readonly do: 'prepare'; readonly job: Job; readonly url: string }
  | { readonly do: 'go' }

/** Child to parent, in this order; `held` only where all stand still for a while. */
export type Report =
  | { readonly at: 'ready'; readonly problems: Readonly<Record<string, number>> }
  | { readonly at: 'held' }
  | { readonly at: 'done'; readonly outcome: Outcome }

/** No byte for this long is a failed exchange. */
export const silenceLimit = 10_000
