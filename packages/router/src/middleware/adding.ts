/** Adds to what was chosen, whatever it is: the hooks and limits that are there stay. */

import type { Choice, Exchange, Reply, RequestHead, Route } from '@relayrace/gateway'
import { Fields, isRoute } from '@relayrace/gateway/web'
import { isPromise } from '../routes.ts'

export interface Additions {
  /** Before the `rewrite` of the route, or that of the gateway. */
  readonly prepare?: (out: RequestHead, exchange: Exchange) => void
  /** Behind it. */
  readonly rewrite?: (out: RequestHead, exchange: Exchange) => void
  /** Of a response as well as of a reply, behind `modifyResponse`. */
  readonly respond?: (fields: Fields, exchange: Exchange) => void
  readonly limits?: Route['limits']
}

type Chosen = Choice | Promise<Choice>

/** Make it once: a route that is seen again is not made again. */
export function adding(additions: Additions): (chosen: Chosen, exchange: Exchange) => Chosen {
  const made = new WeakMap<object, Route>()

  function add(choice: Choice, exchange: Exchange): Choice {
    if (typeof choice !== 'object' || choice === null) return added({ to: choice }, additions)
    if ('status' in choice) return answered(choice, additions, exchange)
    let route = made.get(choice)
    if (route === undefined) {
      route = added(isRoute(choice) ? choice : { to: choice }, additions)
      made.set(choice, route)
    }
    return route
  }

  return (chosen, exchange) =>
    isPromise(chosen) ? chosen.then((choice) => add(choice, exchange)) : add(chosen, exchange)
}

function answered(reply: Reply, { respond }: Additions, exchange: Exchange): Reply {
  if (respond === undefined) return reply
  const { fields: given = {} } = reply
  const fields = given instanceof Fields ? given.copy() : Fields.from(given)
  respond(fields, exchange)
  return { ...reply, fields }
}

function added(route: Route, additions: Additions): Route {
  const { prepare, rewrite, respond, limits } = additions
  return {
    ...route,
    ...((prepare ?? rewrite) && { rewrite: rewritten(route, additions) }),
    ...(respond && { modifyResponse: responded(route, respond) }),
    ...(limits && { limits: { ...route.limits, ...limits } }),
  }
}

function rewritten({ rewrite }: Route, { prepare, rewrite: add }: Additions): NonNullable<Route['rewrite']> {
  return (out, exchange, inherited) => {
    prepare?.(out, exchange)
    const done = (rewrite ?? inherited)(out, exchange, inherited)
    return isPromise(done) ? done.then(() => add?.(out, exchange)) : add?.(out, exchange)
  }
}

type Modify = NonNullable<Route['modifyResponse']>
/** What it returns, as a value. */
type Elsewhere = Route | undefined | Promise<Route | undefined>

function responded({ modifyResponse }: Route, add: NonNullable<Additions['respond']>): Modify {
  return (head, exchange, inherited) => {
    // Where to ask instead is no answer yet.
    const after = (elsewhere: Route | undefined): Route | undefined => {
      if (elsewhere !== undefined) return elsewhere
      add(head.fields, exchange)
      return undefined
    }
    const done = (modifyResponse ?? inherited)(head, exchange, inherited) as Elsewhere
    return isPromise(done) ? done.then<Route | undefined>(after) : after(done)
  }
}
