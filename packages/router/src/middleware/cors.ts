/** Which pages may read what is answered: the CORS protocol of the Fetch standard. */

import type { Exchange, Fields, Reply } from '@relayrace/gateway'
import { checkOptions, type KnownOptions } from '@relayrace/gateway/web'
import type { Middleware } from '../middleware.ts'
import { adding } from './adding.ts'

export interface CorsOptions {
  /** `*`, or those that may: `https://app.example`. */
  readonly origins: '*' | readonly string[] | ((origin: string) => boolean)
  /** Default: what is asked for. */
  readonly methods?: readonly string[]
  /** Fields that requests may have. Default: those that are asked for. */
  readonly requestFields?: readonly string[]
  /** Fields of responses that pages may read. */
  readonly responseFields?: readonly string[]
  /** Whether cookies and other credentials may come with it. Not with `*`. */
  readonly credentials?: boolean
  /** Seconds that a preflight holds. */
  readonly maxAge?: number
}

const corsOptions: KnownOptions<CorsOptions> = {
  origins: undefined,
  methods: 'object',
  requestFields: 'object',
  responseFields: 'object',
  credentials: 'boolean',
  maxAge: 'number',
}

/**
 * Answers preflights by itself, and says of every other answer who may read it, instead of what the service says of that.
 * An upgrade, which browsers let any page ask for, is answered 403 for another origin than these and its own.
 * @throws TypeError for credentials from anywhere, or what is no origin.
 */
export function cors(options: CorsOptions): Middleware {
  checkOptions(options, corsOptions, 'cors.')
  const { origins, methods, requestFields, responseFields = [], credentials = false, maxAge } = options
  if (origins === '*' && credentials)
    throw new TypeError('cors: credentials need origins that are named: origins: ["https://app.example"]')
  if (Array.isArray(origins))
    for (const origin of origins)
      if (URL.parse(origin)?.origin !== origin)
        throw new TypeError(
          `cors: no page has the origin ${JSON.stringify(origin)}: as in https://app.example`,
        )
  const may = (origin: string): boolean =>
    origins === '*' || (typeof origins === 'function' ? origins(origin) : origins.includes(origin))

  function allow(fields: Fields, { request }: Exchange): void {
    for (const [name] of [...fields])
      if (name.toLowerCase().startsWith('access-control-')) fields.delete(name)
    if (origins !== '*') fields.append('Vary', 'Origin')
    const origin = request.fields.get('origin')
    if (origin === undefined || !may(origin)) return
    fields.set('Access-Control-Allow-Origin', origins === '*' ? '*' : origin)
    if (credentials) fields.set('Access-Control-Allow-Credentials', 'true')
    if (responseFields.length > 0) fields.set('Access-Control-Expose-Headers', responseFields.join(', '))
  }

  function preflight({ request: { fields } }: Exchange): Reply {
    const method = fields.get('access-control-request-method') as string
    const asked = fields.all('access-control-request-headers').join(', ')
    const headers = requestFields?.join(', ') ?? asked
    const allowed = may(fields.get('origin') as string)
    return {
      status: 204,
      fields: {
        Vary: 'Access-Control-Request-Method, Access-Control-Request-Headers',
        ...(allowed && {
          'Access-Control-Allow-Methods': methods?.join(', ') ?? method,
          ...(headers !== '' && { 'Access-Control-Allow-Headers': headers }),
          ...(maxAge !== undefined && { 'Access-Control-Max-Age': String(maxAge) }),
        }),
      },
    }
  }

  const preflights = (fields: Fields, exchange: Exchange): void => {
    const own = [...fields]
    allow(fields, exchange)
    for (const [name, value] of own) if (!/^vary$/i.test(name)) fields.set(name, value)
  }
  const answered = adding({ respond: allow })
  const answeredPreflight = adding({ respond: preflights })

  return (exchange, next) => {
    const { method, fields, authority } = exchange.request
    const origin = fields.get('origin')
    if (method === 'OPTIONS' && origin !== undefined && fields.has('access-control-request-method'))
      return answeredPreflight(preflight(exchange), exchange)
    if (
      origin !== undefined &&
      fields.has('upgrade') &&
      !may(origin) &&
      URL.parse(origin)?.host !== authority
    )
      return { status: 403, body: 'Forbidden\n' }
    return answered(next(), exchange)
  }
}
