/** Routes for the `upstream` of any gateway. */

import type { Choice, Choose, Exchange, Reply } from '@relayrace/gateway'
import { checkOptions, GatewayError, internalFailure } from '@relayrace/gateway/web'
import { compose, type Middleware } from './middleware.ts'
import { segmentsOf } from './path.ts'
import { type Compiled, compile, isPromise, type RouterRoute } from './routes.ts'
import { createTable, find, OtherMethods, redirected, type Table } from './table.ts'

export interface Router {
  /** For the `upstream` of a gateway, or of several. */
  readonly upstream: Choose
  /**
   * Has other routes from now on. Exchanges that are under way stay where they are.
   * @throws TypeError like `createRouter`, and then the routes stay as they were.
   */
  replace(routes: readonly RouterRoute[]): void
}

export interface RouterOptions {
  /** Asked before a route is looked for, in this order: also for what has no route. */
  readonly middleware?: readonly Middleware[]
  /** Told what a function of a route or a middleware has thrown, but for a `GatewayError`. Default: `process.emitWarning`. */
  readonly log?: (error: unknown, exchange: Exchange) => void
}

/** @throws TypeError that names a route which makes no sense, could never be found, or is there twice. */
export function createRouter(routes: readonly RouterRoute[], options: RouterOptions = {}): Router {
  checkOptions(options, { middleware: 'object', log: 'function' })
  const { middleware = [], log = warn } = options
  let table = tableOf(routes)
  const choose = compose(middleware, (exchange) => route(table, exchange))

  function failed(cause: unknown, exchange: Exchange): GatewayError {
    if (cause instanceof GatewayError) return cause
    try {
      log(cause, exchange)
    } catch (error) {
      warn(error)
    }
    return internalFailure(cause, 'requestHead')
  }

  return {
    upstream(exchange) {
      try {
        const choice = choose(exchange)
        if (!isPromise(choice)) return choice
        return choice.then(undefined, (cause) => {
          throw failed(cause, exchange)
        })
      } catch (cause) {
        throw failed(cause, exchange)
      }
    },
    replace(others) {
      table = tableOf(others)
    },
  }
}

function tableOf(routes: readonly RouterRoute[]): Table<Compiled> {
  if (!Array.isArray(routes))
    throw new TypeError(
      'The routes of a router are an array: [{ path: "/", upstream: "http://127.0.0.1:9000" }]',
    )
  const compiled = routes.map((route: RouterRoute) => compile(route))
  return createTable(
    compiled.map((route) => [route.pattern, route] as const),
    ({ name }) => name,
  )
}

function route(table: Table<Compiled>, exchange: Exchange): Choice | Promise<Choice> {
  const { method, path, authority } = exchange.request
  const segments = path === '*' ? { names: [''] } : segmentsOf(path)
  if (segments === undefined) return plain(400, 'A path that can be read in two ways\n')
  const found = find(table, method, authority, segments.names)
  if (found === undefined) return plain(404, 'Not Found\n')
  if (found === redirected) return { status: 308, fields: { Location: withSlash(path) } }
  if (found instanceof OtherMethods)
    return plain(405, 'Method Not Allowed\n', { Allow: found.allow.join(', ') })
  return found.choose(exchange)
}

/** Relative: so it holds where a framework or a proxy has cut a prefix off, and names no other host, as `//host/` would. */
function withSlash(path: string): string {
  const [, name, query = ''] = /([^/?]*)(\?.*)?$/s.exec(path) as RegExpExecArray
  return `./${name}/${query}`
}

function plain(status: number, body: string, fields: Readonly<Record<string, string>> = {}): Reply {
  return { status, fields: { 'Content-Type': 'text/plain; charset=utf-8', ...fields }, body }
}

function warn(error: unknown): void {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  globalThis.process?.emitWarning?.(`A route has failed: ${text}`, 'RelayraceWarning')
}
