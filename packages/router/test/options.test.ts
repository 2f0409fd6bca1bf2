/** An option that nobody knows protects nobody, so that it is refused. */

import { createPipeProxy } from '@relayrace/pipe-proxy'
import { expect, test } from 'vitest'
import { createRouter, mount } from '../src/index.ts'
import { apiTokens, basicAuth, cors, ipAllow, ipDeny, requestId } from '../src/middleware/index.ts'
import { rateLimit } from '../src/middleware/rate-limit.ts'

const routes = [{ path: '/', upstream: 'http://origin.example' }]

test.each<[string, () => unknown]>([
  ['middleware?', () => createRouter(routes, { middlewear: [] } as never)],
  ['middleware?', () => mount(routes, { strategy: createPipeProxy, middlewear: [] } as never)],
  ['apiTokens.forward?', () => apiTokens({}, { forwards: true } as never)],
  ['basicAuth.remember?', () => basicAuth({}, { rember: 1 } as never)],
  ['cors.credentials?', () => cors({ origins: ['https://app.example'], credentals: true } as never)],
  ['trusted?', () => ipAllow([], { trust: [] } as never)],
  ['trusted?', () => ipDeny([], { trust: [] } as never)],
  ['requestId.trust?', () => requestId({ trsut: true } as never)],
  ['rateLimit.trusted?', () => rateLimit({ limit: 1, window: 1, trsuted: [] } as never)],
])('Did you mean %s', (name, make) => {
  expect(make).toThrow(TypeError)
  expect(make).toThrow(`Did you mean ${name}`)
})
