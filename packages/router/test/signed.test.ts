/** Tokens that an issuer has signed. */

import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { get, reply } from '@relayrace/promises/stage'
import { strategies } from '@relayrace/strategies'
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { identityOf } from '../src/middleware/index.ts'
import { claimsOf, type JwtOptions, jwt } from '../src/middleware/jwt.ts'
import { gateFor, refused } from './gate.ts'

const key = new TextEncoder().encode('a secret of thirty-two characters')
const expected = { key, issuer: 'https://issuer.example', audience: 'api' }
const good = { iss: 'https://issuer.example', aud: 'api', sub: 'ann', exp: 4_102_444_800 }

const signed = (claims: JWTPayload, secret = key, alg = 'HS256'): Promise<string> =>
  new SignJWT(claims).setProtectedHeader({ alg }).sign(secret)

const unsigned = (claims: JWTPayload): string =>
  `${[{ alg: 'none' }, claims].map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.')}.`

describe.each(strategies)('%s', (_, create) => {
  const stage = gateFor(create)

  describe('C2 signed tokens', () => {
    test.each<[string, () => string | Promise<string>]>([
      ['none at all', () => ''],
      ['no token', () => 'nonsense'],
      ['one that is not signed', () => unsigned(good)],
      ['one signed by somebody else', () => signed(good, new TextEncoder().encode('x'.repeat(32)))],
      ['one that has expired', () => signed({ ...good, exp: 1 })],
      ['one that never expires', () => signed({ iss: good.iss, aud: good.aud })],
      ['one that is for later', () => signed({ ...good, nbf: good.exp })],
      ['one of another issuer', () => signed({ ...good, iss: 'https://other.example' })],
      ['one for somebody else', () => signed({ ...good, aud: 'other' })],
      ['one by another algorithm', () => signed(good, key, 'HS512')],
    ])('with %s is 401', async (_, token) => {
      const staged = await stage([jwt({ ...expected, algorithms: ['HS256'] })])
      expect(await refused(staged, `Authorization: Bearer ${await token()}`)).toEqual([401, 401, 0])
    })

    test.each([
      [{}, true],
      [{ forward: false }, false],
    ])('a good one goes on, and what it says is known: %j', async (options, forwarded) => {
      const seen: unknown[] = []
      const { origin, visit } = await stage([
        jwt({ ...expected, ...options }),
        (exchange, next) => {
          seen.push(identityOf(exchange), claimsOf(exchange)?.aud)
          return next()
        },
      ])
      const client = await visit()
      client.send(get('/', `Authorization: Bearer ${await signed(good)}`))
      const { message, send } = await origin.request()
      expect(message.has('authorization')).toBe(forwarded)
      await send(reply('ok'))
      expect((await client.response()).status).toBe(200)
      expect(seen).toEqual(['ann', 'api'])
    })

    test('one that says an algorithm which the key is not for is 401, and somebody is told once', async () => {
      const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
      onTestFinished(() => warned.mockRestore())
      const { publicKey } = await generateKeyPair('RS256')
      const staged = await stage([jwt({ ...expected, key: publicKey })])
      expect(await refused(staged, `Authorization: Bearer ${await signed(good)}`)).toEqual([401, 401, 0])
      expect(warned.mock.calls).toEqual([
        [expect.stringContaining('A token does not fit the key of jwt'), 'RelayraceWarning'],
      ])
    })

    test('one that says a subject which is no text is from nobody in particular', async () => {
      const seen: unknown[] = []
      const { knock } = await stage([
        jwt(expected),
        (exchange, next) => {
          seen.push(identityOf(exchange))
          return next()
        },
      ])
      expect(await knock(`Authorization: Bearer ${await signed({ ...good, sub: 5 as never })}`)).toBe(200)
      expect(seen).toEqual([undefined])
    })

    test('one that is not for this is 403', async () => {
      const staged = await stage([
        jwt({ ...expected, allow: ({ sub }, { request }) => sub === 'ben' && request.path === '/' }),
      ])
      expect(await refused(staged, `Authorization: Bearer ${await signed(good)}`)).toEqual([403, 403, 0])
    })

    describe('with keys that the issuer publishes', async () => {
      const { publicKey, privateKey } = await generateKeyPair('ES256')
      const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: '1', alg: 'ES256' }] })
      const token = (kid: string): Promise<string> =>
        new SignJWT(good).setProtectedHeader({ alg: 'ES256', kid }).sign(privateKey)

      async function issuer(answer: (response: ServerResponse) => void): Promise<JwtOptions> {
        const server = createServer((_, response) => answer(response)).listen(0, '127.0.0.1')
        onTestFinished(() => {
          server.closeAllConnections()
          server.close()
        })
        await once(server, 'listening')
        return { jwks: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, audience: 'api' }
      }

      test('a good one goes on, one by an unknown key is 401', async () => {
        const { knock } = await stage([jwt(await issuer((response) => response.end(keys)))])
        expect(await knock(`Authorization: Bearer ${await token('1')}`)).toBe(200)
        expect(await knock(`Authorization: Bearer ${await token('2')}`)).toBe(401)
      })

      test.each<[string, (response: ServerResponse) => void]>([
        ['fails', (response) => response.writeHead(500).end()],
        ['says nonsense', (response) => response.end('nonsense')],
        ['is gone', (response) => response.destroy()],
      ])('as long as it %s, who asks is not told that the token is wrong: 503', async (_, answer) => {
        expect(
          await refused(
            await stage([jwt(await issuer(answer))]),
            `Authorization: Bearer ${await token('1')}`,
          ),
        ).toEqual([503, 503, 0])
      })
    })

    test.each<[JwtOptions, string]>([
      [{}, 'jwt takes either a key or jwks'],
      [{ key, jwks: 'http://a' }, 'jwt takes either a key or jwks'],
      [{ key: 'secret' as unknown as Uint8Array }, 'jwt takes a secret as bytes'],
      [{ key: new Uint8Array() }, 'A secret is not empty: is the variable set that it comes from?'],
      [{ jwks: 'nowhere' }, 'Invalid URL'],
    ])('%j is a TypeError', (options, message) => {
      expect(() => jwt(options)).toThrow(message)
    })
  })
})
