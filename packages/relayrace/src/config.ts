/** What the command can be told in a file: its shape, and errors that name the line and the mend. */

import type { GatewayOptions, Limits, Origin, Pool, Timeouts } from '@relayrace/gateway'
import { defaultLimits, defaultPool, defaultTimeouts } from '@relayrace/gateway'
import { nearest } from '@relayrace/gateway/strategy'
import { z } from 'zod'
import { type MiddlewareConfig, middlewareConfig } from './middleware.ts'
import { duration, size } from './units.ts'

export const strategies = [
  'pipe-proxy',
  'reverse-proxy',
  'dispatch-proxy',
  'fetch-proxy',
  'duplex-server',
] as const
export type StrategyName = (typeof strategies)[number]

/** Of a configuration. @typeParam N A duration or a size: in a file also text such as `'30s'` or `'64KiB'`. */
export interface Shape<N> {
  /** For editors. */
  readonly $schema?: string | undefined
  /** Where clients come. Port 8080 of 127.0.0.1. */
  readonly listen?: ListenConfig | undefined
  /** How requests are relayed, unless a route says otherwise. `pipe-proxy`. */
  readonly strategy?: StrategyName | undefined
  /** Where everything goes that has no route: a URL, `unix:/path/to/socket`, or the name of one of `upstreams` or `programs`. */
  readonly upstream?: string | undefined
  /** Sets of endpoints, by name. */
  readonly upstreams?: Readonly<Record<string, UpstreamsConfig<N>>> | undefined
  /** Services that are programs of their own, by name. */
  readonly programs?: Readonly<Record<string, ProgramConfig<N>>> | undefined
  readonly routes?: readonly RouteConfig<N>[] | undefined
  /** Asked before a route is looked for, also for what has none. */
  readonly middleware?: readonly MiddlewareConfig<N>[] | undefined
  /** What is said about the client: `set` removes what it claims itself. `set`. */
  readonly forwarded?: 'set' | 'append' | 'none' | undefined
  /** Whether the client's Host goes upstream. `false`. */
  readonly preserveHost?: boolean | undefined
  /** In Via: one per running gateway. Random. */
  readonly pseudonym?: string | undefined
  readonly timeouts?: Partial<Record<keyof Timeouts, N>> | undefined
  readonly limits?: Partial<Record<keyof Limits, N>> | undefined
  readonly pool?: Partial<Record<keyof Pool, N>> | undefined
  /** Toward `https:` upstreams: PEM files. */
  readonly tls?: UpstreamTlsConfig | undefined
  /** Processes. 1. */
  readonly workers?: number | undefined
  /** A line for each exchange. `pretty` on a terminal, else `json`. */
  readonly log?: 'json' | 'pretty' | 'none' | undefined
  /** Health, metrics and state, for operators only: not where clients come. */
  readonly admin?: { readonly port?: number | undefined; readonly host?: string | undefined } | undefined
  /**
   * What SIGTERM waits for: `delay` (0), not ready and still serving, so that load balancers notice; then up to `grace`
   * (10 s) for what is under way.
   */
  readonly drain?: { readonly delay?: N | undefined; readonly grace?: N | undefined } | undefined
}

export interface ListenConfig {
  readonly port?: number | undefined
  readonly host?: string | undefined
  /** A Unix domain socket instead. */
  readonly socket?: string | undefined
  /** Terminates TLS with these PEM files, which are read again when they change; `sni`: others by server name. */
  readonly tls?: (TlsFiles & { readonly sni?: Readonly<Record<string, TlsFiles>> | undefined }) | undefined
}

export interface TlsFiles {
  readonly cert: string
  readonly key: string
}

export interface UpstreamTlsConfig {
  readonly ca?: string | undefined
  readonly cert?: string | undefined
  readonly key?: string | undefined
  readonly servername?: string | undefined
  readonly rejectUnauthorized?: boolean | undefined
}

export interface UpstreamsConfig<N> {
  readonly endpoints: readonly (string | URL | EndpointConfig)[]
  readonly policy?: PolicyConfig | undefined
  /** For how long who comes, or comes back, gets less than its share. */
  readonly slowStart?: N | undefined
  /** Asks each endpoint by itself, and who is not well nothing else. */
  readonly checks?: ChecksConfig<N> | undefined
  /** Where nobody may be asked: asks all, instead of 503. */
  readonly panic?: boolean | undefined
}

export interface ChecksConfig<N> {
  /** `http`. */
  readonly type?: 'http' | 'tcp' | undefined
  /** `/`. */
  readonly path?: string | undefined
  /** 5 s. */
  readonly interval?: N | undefined
  /** 2 s. */
  readonly timeout?: N | undefined
  /** So many in a row until it is up, or down. 2 and 3. */
  readonly rise?: number | undefined
  readonly fall?: number | undefined
}

export interface EndpointConfig {
  readonly to: string | URL
  readonly weight?: number | undefined
}

export type PolicyConfig =
  | 'round-robin'
  | 'least-in-flight'
  | 'two-choices'
  | { readonly hash: 'address' | { readonly field: string } | { readonly cookie: string } }

/** In `command`, `args` and `env`, `{port}`, `{host}` and `{socket}` are filled in; PORT and HOST are set in any case. */
export interface ProgramConfig<N> {
  readonly command: string
  readonly args?: string[] | undefined
  readonly cwd?: string | undefined
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly port?: number | 'auto' | undefined
  readonly socket?: string | undefined
  readonly ready?: 'connect' | { readonly path: string } | { readonly line: string } | undefined
  readonly instances?: number | undefined
  /** How long a request waits for it while it starts. */
  readonly wait?: N | undefined
  readonly startup?: N | undefined
  /** Stops it when nobody has asked for that long. */
  readonly idle?: N | undefined
}

export interface RouteConfig<N> {
  /** `/api/` is all that is below it, `/api` only itself. The longest one wins. */
  readonly path: string
  readonly host?: string | string[] | undefined
  readonly method?: string | string[] | undefined
  /** In logs and metrics. */
  readonly name?: string | undefined
  /** A URL, or the name of one of `upstreams` or `programs`. Either this or `reply`. */
  readonly to?: string | URL | undefined
  readonly reply?: ReplyConfig | undefined
  /** What stands upstream in the place of the path: `/` takes the prefix off. */
  readonly replace?: string | undefined
  readonly strategy?: StrategyName | undefined
  readonly timeouts?: Partial<Record<keyof Timeouts, N>> | undefined
  readonly limits?: Partial<Record<keyof Limits, N>> | undefined
  readonly rewrite?: GatewayOptions['rewrite'] | undefined
  readonly modifyResponse?: GatewayOptions['modifyResponse'] | undefined
  /** Asked before it goes anywhere, behind that of all routes. */
  readonly middleware?: readonly MiddlewareConfig<N>[] | undefined
}

export interface ReplyConfig {
  readonly status: number
  readonly fields?: Readonly<Record<string, string>> | undefined
  readonly body?: string | undefined
}

export type Config = Shape<number | string>
/** With every duration in milliseconds, and every size in bytes. */
export type Settled = Shape<number>

const origin = z.union([
  z
    .string()
    .refine((text) => text.startsWith('unix:/') || /^https?:$/.test(URL.parse(text)?.protocol ?? ''), {
      error: 'write a URL such as http://127.0.0.1:9000, or unix:/path/to/socket',
    }),
  z.custom<URL>((value) => value instanceof URL),
])

function numbers<T extends object>(
  defaults: T,
  kind: (key: string) => z.ZodType<number>,
): z.ZodType<Partial<Record<keyof T, number>> | undefined> {
  const shape = Object.fromEntries(Object.keys(defaults).map((key) => [key, kind(key).optional()]))
  return z.strictObject(shape).optional() as never
}

const timeouts = numbers(defaultTimeouts, () => duration)
const counts = new Set(['fields', 'interimResponses', 'exchanges', 'connections', 'idle', 'maxRequests'])
const limits = numbers(defaultLimits, (key) => (counts.has(key) ? z.number().nonnegative() : size))
const pool = numbers(defaultPool, (key) => (counts.has(key) ? z.number().nonnegative() : duration))

const hook = <F>(): z.ZodType<F | undefined> =>
  z
    .custom<F>((value) => typeof value === 'function', 'a function: a configuration in TypeScript has them')
    .optional() as never

const tlsFiles = z.strictObject({ cert: z.string(), key: z.string() })

const reply = z.strictObject({
  status: z.int().min(200).max(599),
  fields: z
    .record(
      z.string().regex(/^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/, 'no field has such a name'),
      z.string().regex(/^[\t\x20-\x7e]*$/, 'a value is printable ASCII, in one line'),
    )
    .optional(),
  body: z.string().optional(),
})

const text = z.union([z.string(), z.array(z.string()).min(1)])

const route = z
  .strictObject({
    path: z
      .string()
      .startsWith('/', "begin with a slash: '/api/' is all that is below it, '/api' only itself"),
    host: text.optional(),
    method: text.optional(),
    name: z.string().optional(),
    to: z.union([z.string(), z.custom<URL>((value) => value instanceof URL)]).optional(),
    reply: reply.optional(),
    replace: z.string().startsWith('/').optional(),
    strategy: z.enum(strategies).optional(),
    timeouts,
    limits,
    rewrite: hook<GatewayOptions['rewrite']>(),
    modifyResponse: hook<GatewayOptions['modifyResponse']>(),
    middleware: z.array(middlewareConfig).optional(),
  })
  .refine((one) => (one.to === undefined) !== (one.reply === undefined), {
    error: 'a route has either to (where it goes) or reply (what is answered)',
  })

const endpoint = z.union([origin, z.strictObject({ to: origin, weight: z.number().positive().optional() })])

const policy = z.union([
  z.enum(['round-robin', 'least-in-flight', 'two-choices']),
  z.strictObject({
    hash: z.union([
      z.literal('address'),
      z.strictObject({ field: z.string() }),
      z.strictObject({ cookie: z.string() }),
    ]),
  }),
])

const upstreams = z.strictObject({
  endpoints: z.array(endpoint).min(1),
  policy: policy.optional(),
  slowStart: duration.optional(),
  checks: z
    .strictObject({
      type: z.enum(['http', 'tcp']).optional(),
      path: z.string().startsWith('/').optional(),
      interval: duration.optional(),
      timeout: duration.optional(),
      rise: z.int().min(1).optional(),
      fall: z.int().min(1).optional(),
    })
    .optional(),
  panic: z.boolean().optional(),
})

const programs = z.strictObject({
  command: z.string(),
  args: z.array(z.string()).optional(),
  cwd: z.string().optional(),
  env: z.record(z.string(), z.string()).optional(),
  port: z.union([z.int().min(1).max(65_535), z.literal('auto')]).optional(),
  socket: z.string().optional(),
  ready: z
    .union([
      z.literal('connect'),
      z.strictObject({ path: z.string().startsWith('/') }),
      z.strictObject({ line: z.string() }),
    ])
    .optional(),
  instances: z.int().min(1).optional(),
  wait: duration.optional(),
  startup: duration.optional(),
  idle: duration.optional(),
})

const schema: z.ZodType<Settled, Config> = z
  .strictObject({
    $schema: z.string().optional(),
    listen: z
      .strictObject({
        port: z.int().min(0).max(65_535).optional(),
        host: z.string().optional(),
        socket: z.string().optional(),
        tls: tlsFiles.extend({ sni: z.record(z.string(), tlsFiles).optional() }).optional(),
      })
      .optional(),
    strategy: z.enum(strategies).optional(),
    upstream: z.string().optional(),
    upstreams: z.record(z.string(), upstreams).optional(),
    programs: z.record(z.string(), programs).optional(),
    routes: z.array(route).optional(),
    middleware: z.array(middlewareConfig).optional(),
    forwarded: z.enum(['set', 'append', 'none']).optional(),
    preserveHost: z.boolean().optional(),
    pseudonym: z.string().optional(),
    timeouts,
    limits,
    pool,
    tls: z
      .strictObject({
        ca: z.string().optional(),
        cert: z.string().optional(),
        key: z.string().optional(),
        servername: z.string().optional(),
        rejectUnauthorized: z.boolean().optional(),
      })
      .optional(),
    workers: z.int().min(1).max(1_024).optional(),
    log: z.enum(['json', 'pretty', 'none']).optional(),
    admin: z
      .strictObject({ port: z.int().min(0).max(65_535).optional(), host: z.string().optional() })
      .optional(),
    drain: z.strictObject({ delay: duration.optional(), grace: duration.optional() }).optional(),
  })
  .refine((config) => config.upstream !== undefined || (config.routes?.length ?? 0) > 0, {
    error: 'say where requests go: upstream, or routes',
  }) as never

/** For a configuration in TypeScript, so that the editor knows it. */
export function defineConfig(config: Config): Config {
  return config
}

/** For editors: JSON Schema of what a file may say. */
export function configSchema(): object {
  return z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' })
}

/** One or more things that are wrong with a configuration, a line each. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** A line each, as they stand in the file. */
export function faultsIn(faults: readonly string[]): ConfigError {
  const line = (fault: string): number => Number(/^[^:]*:(\d+): /.exec(fault)?.[1] ?? 0)
  return new ConfigError(faults.toSorted((one, other) => line(one) - line(other)).join('\n'))
}

/** Where something stands: `relayrace.yaml:12`. */
export type Locate = (keys: readonly PropertyKey[]) => string

/** @throws ConfigError that says what is wrong, where, and how to mend it. */
export function parseConfig(value: unknown, locate: Locate = () => 'configuration'): Settled {
  const parsed = schema.safeParse(value)
  if (!parsed.success) throw faultsIn(parsed.error.issues.flatMap((issue) => told(issue, locate)))
  const known = new Set(Object.keys({ ...parsed.data.upstreams, ...parsed.data.programs }))
  const wrong = namesIn(parsed.data)
    .filter(({ to }) => !isUrl(to) && !known.has(to))
    .map(({ keys, to }) => `${locate(keys)}: ${pathOf(keys)}: ${unknownUpstream(to, [...known])}`)
  for (const name of Object.keys(parsed.data.programs ?? {}))
    if (Object.hasOwn(parsed.data.upstreams ?? {}, name))
      wrong.push(`${locate(['programs', name])}: programs.${name}: one of upstreams has that name as well`)
  if (wrong.length > 0) throw faultsIn(wrong)
  return parsed.data
}

interface Named {
  readonly keys: readonly PropertyKey[]
  readonly to: string
}

function namesIn({ upstream, routes = [] }: Settled): Named[] {
  const found = routes.flatMap(({ to }, i): Named[] =>
    typeof to === 'string' ? [{ keys: ['routes', i, 'to'], to }] : [],
  )
  return upstream === undefined ? found : [{ keys: ['upstream'], to: upstream }, ...found]
}

function unknownUpstream(name: string, known: readonly string[]): string {
  const near = nearest(name, known)
  const hint = near === undefined ? '; such as http://127.0.0.1:9000' : `; did you mean ${near}?`
  return `neither a URL nor one of upstreams or programs: ${name}${hint}`
}

export const isUrl = (text: string): boolean => text.includes('://') || text.startsWith('unix:')

/** As a gateway takes it. */
export function originOf(text: string | URL): Origin {
  return typeof text === 'string' && text.startsWith('unix:') ? { socketPath: text.slice(5) } : text
}

export const pathOf = (keys: readonly PropertyKey[]): string =>
  keys
    .map((key, i) => (typeof key === 'number' ? `[${key}]` : i === 0 ? String(key) : `.${String(key)}`))
    .join('')

/** Of a union the member that fits best: the one that got furthest. */
function told(issue: z.core.$ZodIssue, locate: Locate, above: readonly PropertyKey[] = []): string[] {
  const keys = [...above, ...issue.path]
  if (issue.code === 'invalid_union') {
    const unknown = unknownIn(issue)
    if (unknown.length > 0) return unknownOptions(unknown, keys, locate)
    const [best = []] = [...issue.errors].sort((one, other) => depth(other) - depth(one))
    if (best.length > 0) return best.flatMap((inner) => told(inner, locate, keys))
  }
  if (issue.code === 'unrecognized_keys') return unknownOptions(issue.keys, keys, locate)
  return [`${locate(keys)}: ${keys.length === 0 ? '' : `${pathOf(keys)}: `}${issue.message}`]
}

const unknownOptions = (names: readonly string[], keys: readonly PropertyKey[], locate: Locate): string[] =>
  names.map(
    (name) =>
      `${locate([...keys, name])}: ${pathOf([...keys, name])}: there is no such option${near(name, keys)}`,
  )

/** Options that no member of a union has, each of which takes an object. */
function unknownIn({ errors }: z.core.$ZodIssueInvalidUnion): string[] {
  const strict = errors.flatMap((all) =>
    all.filter((one) => one.code === 'unrecognized_keys' && one.path.length === 0),
  ) as z.core.$ZodIssueUnrecognizedKeys[]
  const takesOther = ({ code, path: keys }: z.core.$ZodIssue): boolean =>
    keys.length === 0 && code !== 'unrecognized_keys'
  const takeObjects = errors.filter((all) => !all.some(takesOther))
  if (strict.length < takeObjects.length) return []
  return strict[0]?.keys.filter((key) => strict.every(({ keys }) => keys.includes(key))) ?? []
}

const depth = (issues: readonly z.core.$ZodIssue[]): number =>
  Math.max(...issues.map(({ path: keys, code }) => keys.length * 2 + (code === 'custom' ? 1 : 0)))

function near(key: string, keys: readonly PropertyKey[]): string {
  const known = optionsAt(keys)
  const found = nearest(key, known)
  if (found !== undefined) return `; did you mean ${found}?`
  return known.length === 0 ? '' : `; there are ${known.join(', ')}`
}

/** The options that there are beside one that is unknown. */
function optionsAt(keys: readonly PropertyKey[]): string[] {
  let at = configSchema() as Record<string, unknown>
  for (const key of keys) {
    const { properties, items, additionalProperties, anyOf } = at as Record<string, never>
    const inner =
      (typeof key === 'number' ? items : (properties?.[key as never] ?? additionalProperties)) ?? anyOf
    if (typeof inner !== 'object') return []
    at = inner
  }
  const members = [at, ...((at.anyOf as Record<string, unknown>[] | undefined) ?? [])]
  return members.flatMap(({ properties }) => Object.keys((properties as object | undefined) ?? {}))
}
