/** What the load generator is asked to do and what it answers. Plain JSON: it runs in a process of its own. */

import type { loads } from './index.ts'
import type { Outcome } from './module.ts'

export type Job = Parameters<(typeof loads)[number]['perform']>[1]

/** Parent to child. `go` starts the timed part, with another URL where the target was not there before; after `held`, it lets those go on that stand still. */
export type Order =
  | { readonly do: 'prepare'; readonly job: Job; readonly url: string }
  | { readonly do: 'go'; readonly url?: string }

/** Child to parent, in this order; `held` only where all stand still for a while. */
export type Report =
  | { readonly at: 'ready'; readonly problems: Readonly<Record<string, number>> }
  | { readonly at: 'held' }
  | { readonly at: 'done'; readonly outcome: Outcome }
