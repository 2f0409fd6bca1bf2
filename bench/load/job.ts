/** What the load generator is asked to do and what it answers. Plain JSON: it runs in a process of its own. */

export type Job = Download | Stall | Slow | Upload | Requests | Idle | Events | Echo

export interface Download {
  readonly kind: 'download'
  readonly streams: number
  /** Bytes of each stream. */
  readonly bytes: number
  readonly warmUp: number
  /** Chunks of this size in chunked coding, instead of a Content-Length. */
  readonly chunk?: number
}

export interface Stall {
  readonly kind: 'stall'
  readonly streams: number
  readonly bytes: number
  /** Each reader stops after this many bytes, and reads as many again when it is let go. */
  readonly after: number
  readonly warmUp: number
}

export interface Slow {
  readonly kind: 'slow'
  readonly streams: number
  readonly bytes: number
  /** Bytes per second that each reader takes at most. */
  readonly rate: number
  /** How long they read, once all have begun, before they leave. */
  readonly seconds: number
  readonly warmUp: number
}

export interface Upload {
  readonly kind: 'upload'
  readonly bytes: number
  readonly warmUp: number
}

export interface Requests {
  readonly kind: 'requests'
  readonly connections: number
  readonly amount: number
  readonly warmUp: number
  readonly bytes: number
}

export interface Idle {
  readonly kind: 'idle'
  readonly connections: number
  /** Of each response. */
  readonly bytes: number
  /** Requests. */
  readonly warmUp: number
}

export interface Events {
  readonly kind: 'events'
  readonly streams: number
  readonly count: number
  /** Milliseconds between two events of one stream. */
  readonly interval: number
}

export interface Echo {
  readonly kind: 'echo'
  readonly trips: number
  readonly bytes: number
  readonly warmUp: number
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
