/** Who can be chosen, what each can do, and what it will not do. Data: what decides is in recommend.ts. */

/** What one may need, in the words of docs/choosing.md. */
export type Feature = 'mount' | 'web' | 'http2' | 'upgrade' | 'trailers' | 'early' | 'takeover'

export const features: Readonly<Record<Feature, string>> = {
  mount: 'mounted on `node:http`, Express, Fastify, Koa',
  web: 'Bun, Deno, workers, Hono',
  http2: 'HTTP/2 toward clients',
  upgrade: 'WebSocket and other upgrades',
  trailers: 'trailers of requests',
  early: 'answers without an upstream while still being asked',
  takeover: 'a connection taken over for a protocol of one’s own',
}

/** What one may not want to own. */
export type Burden = 'parser' | 'internals' | 'pin'

export const burdens: Readonly<Record<Burden, string>> = {
  parser: 'a parser of its own, younger than Node’s',
  internals: 'a few of Node’s internals, guarded',
  pin: 'one pinned version of http-proxy-3',
}

export interface Candidate {
  readonly name: string
  /** A package of ours, or a program that is none. */
  readonly ours: boolean
  readonly can: readonly Feature[]
  readonly owns: readonly Burden[]
  readonly willNot: readonly string[]
}

/** Those with the least that could surprise come first: the order decides where figures do not. */
export const candidates: readonly Candidate[] = [
  {
    name: 'pipe-proxy',
    ours: true,
    can: ['mount', 'http2', 'upgrade', 'trailers'],
    owns: ['internals'],
    willNot: [
      'run where there is no node:http',
      'cost less than node:http does, in processor time and for each stream that stalls',
    ],
  },
  {
    name: 'dispatch-proxy',
    ours: true,
    can: ['mount', 'http2', 'upgrade'],
    owns: ['internals'],
    willNot: [
      'pass trailers of requests',
      'pass a 100 that nobody asked for: undici’s client takes it for a broken response',
      'run where there is no node:http',
    ],
  },
  {
    name: 'fetch-proxy',
    ours: true,
    can: ['mount', 'web', 'http2', 'upgrade'],
    owns: [],
    willNot: [
      'pass trailers of requests',
      'pass upgrades, interim responses or trailers in its plain fetch handler, because fetch has none',
      'be the cheapest: each piece passes a WHATWG stream',
    ],
  },
  {
    name: 'duplex-server',
    ours: true,
    can: ['upgrade', 'trailers', 'early', 'takeover'],
    owns: ['parser', 'internals'],
    willNot: ['speak HTTP/2', 'stand in a framework or on a node:http server: it has a server of its own'],
  },
  {
    name: 'reverse-proxy',
    ours: true,
    can: ['mount', 'http2', 'upgrade', 'trailers'],
    owns: ['internals', 'pin'],
    willNot: ['be faster than pipe-proxy', 'follow http-proxy-3 to another version by itself'],
  },
  {
    name: 'nginx',
    ours: false,
    can: ['http2', 'upgrade'],
    owns: [],
    willNot: [
      'run code of yours',
      'pass a response on while the request is still being sent, unless buffering of requests is turned off',
    ],
  },
  {
    name: 'haproxy',
    ours: false,
    can: ['http2', 'upgrade', 'trailers'],
    owns: [],
    willNot: ['run code of yours', 'pass live events at once without `option http-no-delay`'],
  },
  {
    name: 'caddy',
    ours: false,
    can: ['http2', 'upgrade', 'trailers'],
    owns: [],
    willNot: ['run code of yours that is not Go', 'answer before the request is whole over HTTP/1.1'],
  },
]
