/** What the README of the gateway shows is written against the contract, and works with every strategy. */

import { gunzipSync } from 'node:zlib'
import { startOrigin } from '@relayrace/fixtures/wire'
import type { Choose, GatewayOptions, Origin, Strategy, Transport } from '@relayrace/gateway'
import { describe, expect, onTestFinished, test } from 'vitest'
import { get, head, reply, stageFor } from './stage.ts'
import { example } from './wrapped.ts'

const shown = <E>(name: string & keyof E): Promise<E> => example<E>(name, 'packages/gateway/README.md')

export function writtenFor(create: Strategy): void {
  const stage = stageFor(create)

  describe('written against the contract:', () => {
    test.each([
      ['/api/users/1?a', '/1?a'],
      ['/api/users', '/'],
      ['/api/users?a', '/?a'],
      ['/api/usersx', '/usersx'],
      ['/else', undefined],
    ])('a router takes %s to %s', async (target, path) => {
      const { routed } = await shown<{ routed(services: Record<string, Origin>): Choose }>('routed')
      let choose: Choose | undefined
      const { origin, client } = await stage({ upstream: (exchange) => (choose as Choose)(exchange) })
      choose = routed({ '/api': origin.url, '/api/users': origin.url })
      client.send(get(target))
      if (path === undefined) expect((await client.response()).status).toBe(404)
      else expect((await origin.request()).message.target).toBe(path)
    })

    test('a balancer asks one after the other', async () => {
      const { balanced } = await shown<{ balanced(origins: readonly Origin[]): Choose }>('balanced')
      const origins = [await startOrigin(), await startOrigin()] as const
      for (const one of origins) onTestFinished(() => one[Symbol.asyncDispose]())
      const { client } = await stage({ upstream: balanced(origins.map(({ url }) => url)) })
      for (const origin of [...origins, ...origins]) {
        client.send(get('/'))
        ;(await origin.request()).send(reply('ok'))
        expect((await client.response()).text).toBe('ok')
      }
    })

    test('who has no token is 401', async () => {
      const { bearing } = await shown<{
        bearing(isKnown: (token: string) => boolean, choose: Choose): Choose
      }>('bearing')
      let url: Origin = ''
      const { origin, client } = await stage({
        upstream: bearing(
          (token) => token === 'secret',
          () => url,
        ),
      })
      url = origin.url
      client.send(get('/', 'Authorization: Bearer other'))
      const refused = await client.response()
      expect([refused.status, refused.get('www-authenticate')]).toEqual([401, 'Bearer'])
      client.send(get('/', 'Authorization: Bearer secret'))
      ;(await origin.request()).send(reply('ok'))
      expect((await client.response()).text).toBe('ok')
    })

    test('what has failed is asked again with its content', async () => {
      const { repeated } = await shown<{ repeated(times: number): Transport }>('repeated')
      const { origin, client } = await stage({ transport: repeated(2), limits: { replay: 100 } })
      client.send(`${head('PUT / HTTP/1.1', 'Host: a', 'Content-Length: 5')}hello`)
      for (let failures = 0; failures < 2; failures++) {
        const failing = await origin.request()
        await failing.body(5)
        failing.connection.close()
      }
      const asked = await origin.request()
      expect(String(await asked.body(5))).toBe('hello')
      asked.send(reply('ok'))
      expect((await client.response()).text).toBe('ok')
    })

    test('content is packed on its way', async () => {
      const { packed } = await shown<{ packed: NonNullable<GatewayOptions['modifyResponse']> }>('packed')
      const { origin, client } = await stage({ modifyResponse: packed })
      client.send(get('/', 'Accept-Encoding: br, gzip'))
      ;(await origin.request()).send(reply('content '.repeat(100)))
      const response = await client.response()
      expect([response.get('content-encoding'), response.get('content-length')]).toEqual(['gzip', undefined])
      expect(String(gunzipSync(response.body))).toBe('content '.repeat(100))
    })
  })
}
