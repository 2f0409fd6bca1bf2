/** What stands before a choice: it looks at the exchange, answers by itself, or adds to what is chosen. */

import type { Choice, Choose, Exchange } from '@relayrace/gateway'

/**
 * Returns a `Reply` to answer, or what `next()` returns, with something added to it. It is asked for each attempt, so what
 * counts requests looks at `exchange.attempts`. Because it sits in `upstream` it is the same for requests, upgrades, and
 * every way in that a gateway has.
 */
export type Middleware = (
  exchange: Exchange,
  next: () => Choice | Promise<Choice>,
) => Choice | Promise<Choice>

/** The first one is asked first. */
export function compose(middleware: readonly Middleware[], choose: Choose): Choose {
  return middleware.reduceRight<Choose>(
    (inner, one) => (exchange) => one(exchange, () => inner(exchange)),
    choose,
  )
}
