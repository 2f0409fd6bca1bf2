/** TLS settings of routes. */

import { type Mutation, tests } from './mutation.ts'

const secured = (strategy: string) => tests(`packages/${strategy}`, 'promises', 'route with tls')

export const securedRoutes: readonly Mutation[] = [
  {
    file: 'packages/gateway/src/http/agents.ts',
    breaks: 'A route gets the connections of another one, with its client certificate',
    old: '`${nameOf(options)}:${endpoint.address}`',
    new: 'nameOf(options)',
    seenBy: secured('pipe-proxy'),
  },
  {
    file: 'packages/gateway/src/http/agents.ts',
    breaks: 'A route shows the client certificate of the gateway, and trusts whom that trusts',
    old: 'connect({ ...options, ...its }, ...rest)',
    new: 'connect({ ...options, ...tls, ...its }, ...rest)',
    seenBy: secured('pipe-proxy'),
  },
  {
    file: 'packages/gateway/src/rules/upstream.ts',
    breaks: 'Routes with different TLS settings share connections',
    old: 'address: `${endpoint.address} ${nameOf(tls)}`',
    new: 'address: `${endpoint.address} `',
    seenBy: secured('duplex-server'),
  },
  {
    file: 'packages/reverse-proxy/src/reverse.ts',
    breaks: 'reverse-proxy knows nothing of the TLS settings of a route',
    old: 'if (endpoint.tls !== undefined) this.endpoint = endpoint',
    new: '',
    seenBy: secured('reverse-proxy'),
  },
  {
    file: 'packages/dispatch-proxy/src/pool.ts',
    breaks: 'dispatch-proxy asks on the connections of a route with other TLS settings',
    old: 'return tls === undefined ? origin : `${origin} ${address}`',
    new: 'return tls === undefined ? origin : `${origin} ${address?.slice(0, 0)}`',
    seenBy: secured('dispatch-proxy'),
  },
  {
    file: 'packages/fetch-proxy/src/fetch-proxy.ts',
    breaks: 'fetch(request) of a gateway knows nothing of the TLS settings of a route',
    old: 'withTls(endpointOf(options.origin as string), tls)',
    new: 'withTls(endpointOf(options.origin as string), tls && undefined)',
    seenBy: tests('packages/fetch-proxy', 'secured'),
  },
  {
    file: 'packages/fetch-proxy/src/fetch.ts',
    breaks: "A route's tls is passed over where the platform's fetch asks",
    old: 'if (endpoint.tls !== undefined && !this.#given',
    new: 'if (endpoint.tls === null && !this.#given',
    seenBy: tests('packages/fetch-proxy', 'secured'),
  },
]
