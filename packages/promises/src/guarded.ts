/** What a strategy promises when it fetches URLs of its users. */

import type { LookupAddress } from 'node:dns'
import { BlockList } from 'node:net'
import { certificates } from '@relayrace/fixtures/certificates'
import { connect, type Message, type Origin, startOrigin } from '@relayrace/fixtures/wire'
import {
  type Gateway,
  type GatewayOptions,
  type GuardOptions,
  guarded,
  type Strategy,
} from '@relayrace/gateway'
import { describe, expect, onTestFinished, test } from 'vitest'

const at = (address: string): LookupAddress => ({ address, family: address.includes(':') ? 6 : 4 })

export function guardPromisesOf(create: Strategy<Gateway>): void {
  /** A gateway that may reach 127.0.0.1 and no other address at home. */
  async function start(
    origin: Origin,
    options: Partial<GuardOptions> = {},
    others: Partial<GatewayOptions> = {},
  ): Promise<URL> {
    const allow = new BlockList()
    allow.addAddress('127.0.0.1')
    const gateway = create({
      ...guarded({
        destination: ({ request }) => decodeURIComponent(request.target.slice(1)) || undefined,
        ports: [origin.port],
        allow,
        ...options,
      }),
      tls: { ca: (await certificates()).ca },
      ...others,
    })
    onTestFinished(() => gateway.close(0))
    const { url } = await gateway.listen()
    return url
  }

  async function makeOrigin(tls?: { cert: string; key: string }): Promise<Origin> {
    const origin = await startOrigin(tls === undefined ? {} : { tls })
    onTestFinished(() => origin[Symbol.asyncDispose]())
    return origin
  }

  async function ask(url: URL, destination: string, ...fields: readonly string[]): Promise<Message> {
    const client = await connect(url)
    onTestFinished(() => client.close())
    client.send(
      ['GET', `/${encodeURIComponent(destination)}`, 'HTTP/1.1\r\nHost: gateway.example\r\n'].join(' ') +
        `${fields.map((line) => `${line}\r\n`).join('')}\r\n`,
    )
    return client.response()
  }

  const answer = (...fields: readonly string[]): string =>
    `HTTP/1.1 200 OK\r\n${fields.map((line) => `${line}\r\n`).join('')}Content-Length: 2\r\n\r\nok`

  describe('F2 guarded', () => {
    test('refuses an option that is misspelt: redirects that nobody follows, addresses that nobody allows', () => {
      expect(() => guarded({ destination: () => undefined, redirect: 1 } as never)).toThrow(
        'Did you mean guarded.redirects?',
      )
    })

    test('dials the address that it has checked, by the name that it was given', async () => {
      const origin = await makeOrigin()
      const asked: string[] = []
      const url = await start(origin, {
        resolve: async (hostname) => {
          asked.push(hostname)
          return [at('127.0.0.1')]
        },
      })
      const response = ask(url, `http://files.example:${origin.port}/a/b?c=d&e`)
      const { message, send } = await origin.request()
      expect(message.target).toBe('/a/b?c=d&e')
      expect(message.all('host')).toEqual([`files.example:${origin.port}`])
      await send(answer())
      expect((await response).status).toBe(200)
      expect(asked).toEqual(['files.example'])
    })

    test('keeps interim responses back: their fields count as those of the final one do', async () => {
      const origin = await makeOrigin()
      const url = await start(origin, { resolve: async () => [at('127.0.0.1')] })
      const client = await connect(url)
      onTestFinished(() => client.close())
      const target = encodeURIComponent(`http://files.example:${origin.port}/a`)
      client.send(`GET /${target} HTTP/1.1\r\nHost: gateway.example\r\n\r\n`)
      const { send } = await origin.request()
      await send(`HTTP/1.1 103 Early Hints\r\nClear-Site-Data: "*"\r\n\r\n${answer()}`)
      expect((await client.response()).status).toBe(200)
      expect(client.informational).toHaveLength(0)
    })

    test('asks a name once: what it says a moment later reaches nobody', async () => {
      const origin = await makeOrigin()
      const answers = [[at('127.0.0.1')], [at('127.0.0.2')]]
      let count = 0
      const url = await start(origin, { resolve: async () => answers[count++] ?? [] })
      const response = ask(url, `http://rebinding.example:${origin.port}/`)
      await (await origin.request()).send(answer('Connection: close'))
      expect((await response).status).toBe(200)
      expect(count).toBe(1)
      const second = await ask(url, `http://rebinding.example:${origin.port}/`)
      expect(second.status).toBe(403)
      expect(origin.requests).toHaveLength(1)
    })

    test.each([
      ['one private address', [at('10.0.0.1')]],
      ['a private address beside a public one', [at('93.184.215.14'), at('127.0.0.2')]],
      ['an IPv6 address that maps a private one', [at('::ffff:127.0.0.2')]],
      ['the metadata service', [at('169.254.169.254')]],
    ])('refuses a name with %s, and says nothing of it', async (_, addresses) => {
      const origin = await makeOrigin()
      const url = await start(origin, { resolve: async () => addresses })
      const response = await ask(url, `http://internal.example:${origin.port}/`)
      expect(response.status).toBe(403)
      expect(response.get('proxy-status')).toMatch(/; error=destination_ip_prohibited$/)
      expect(response.body.toString()).toBe('destination ip prohibited\n')
      expect(origin.connections).toHaveLength(0)
    })

    test.each([
      ['an address at home', 'http://127.0.0.2:PORT/', 403],
      ['in brackets', 'http://[::1]:PORT/', 403],
      ['mapped', 'http://[::ffff:127.0.0.2]:PORT/', 403],
      ['in hexadecimal', 'http://0x7f000002:PORT/', 400],
      ['in octal', 'http://0177.0.0.2:PORT/', 400],
      ['as one number', 'http://2130706434:PORT/', 400],
      ['shortened', 'http://127.2:PORT/', 400],
      ['with a zone', 'http://[fe80::1%25eth0]:PORT/', 400],
      ['in wide digits', 'http://１２７.0.0.2:PORT/', 400],
      ['with credentials', 'http://user:word@files.example:PORT/', 400],
      ['a host behind a backslash', 'http://files.example:PORT\\127.0.0.2@/', 400],
      ['a tab in the host', 'http://127.0\t.0.2:PORT/', 400],
      ['another port', 'http://files.example:1/', 403],
      ['another scheme', 'file:///etc/passwd', 400],
      ['no scheme', '//files.example:PORT/', 400],
      ['nothing', '', 400],
    ])('refuses a URL with %s', async (_, text, status) => {
      const origin = await makeOrigin()
      const url = await start(origin, { resolve: async () => [at('127.0.0.1')] })
      const response = await ask(url, text.replace('PORT', String(origin.port)))
      expect(response.status).toBe(status)
      expect(response.body.toString()).not.toMatch(/127|::1|example/)
      expect(origin.connections).toHaveLength(0)
    })

    test('keeps what is the client’s from the destination, and the destination’s from the client', async () => {
      const origin = await makeOrigin()
      const url = await start(origin, { resolve: async () => [at('127.0.0.1')] })
      const mine = [
        'Cookie: a=b',
        'Authorization: Basic eA==',
        'Referer: http://gateway.example/',
        'Range: bytes=0-1',
        'True-Client-IP: 10.0.0.1',
        'CF-Connecting-IP: 10.0.0.1',
        'X-Forwarded-User: root',
        'X-Api-Token: secret',
      ]
      const response = ask(url, `http://files.example:${origin.port}/`, ...mine)
      const { message, send } = await origin.request()
      for (const gone of ['cookie', 'authorization', 'referer', 'x-forwarded-for', 'forwarded'])
        expect(message.has(gone)).toBe(false)
      expect(message.head).not.toMatch(/10\.0\.0\.1|root|secret/)
      expect(message.get('range')).toBe('bytes=0-1')
      const theirs = [
        ...['Set-Cookie: theirs', 'NEL: {"theirs":1}', 'Report-To: {"theirs":1}', 'Accept-CH: theirs'],
        ...['Set-Login: theirs', 'WWW-Authenticate: Basic realm=theirs', 'Refresh: 0; url=theirs'],
        ...['Clear-Site-Data: "theirs"', 'Access-Control-Allow-Origin: theirs', 'X-Whatever: theirs'],
      ]
      await send(answer(...theirs, 'Content-Type: text/html', 'ETag: "1"'))
      const received = await response
      expect(received.head).not.toContain('theirs')
      expect([received.get('content-type'), received.get('etag')]).toEqual(['text/html', '"1"'])
      expect(received.get('content-security-policy')).toBe('sandbox')
    })

    test('verifies the certificate for the name, not for the address', async () => {
      const { server, wrongHost } = await certificates()
      for (const [shown, status] of [
        [server, 200],
        [wrongHost, 502],
      ] as const) {
        const origin = await makeOrigin(shown)
        const url = await start(origin, { resolve: async () => [at('127.0.0.1')] })
        const response = ask(url, `https://localhost:${origin.port}/`)
        if (status === 200) await (await origin.request()).send(answer())
        expect((await response).status).toBe(status)
      }
    })

    test('passes redirects on as they are unless told to follow', async () => {
      const origin = await makeOrigin()
      const url = await start(origin, { resolve: async () => [at('127.0.0.1')] })
      const response = ask(url, `http://files.example:${origin.port}/`)
      const location = 'http://127.0.0.2/secret'
      await (await origin.request()).send(
        `HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: 0\r\n\r\n`,
      )
      expect(await response).toMatchObject({ status: 302 })
      expect((await response).get('location')).toBe(location)
      expect(origin.requests).toHaveLength(1)
    })
  })

  describe('F2 guarded, following redirects', () => {
    const to = (location: string, body = ''): string =>
      `HTTP/1.1 302 Found\r\nLocation: ${location}\r\nContent-Length: ${body.length}\r\n\r\n${body}`

    test('asks where it is sent, without what is for the first origin', async () => {
      const origin = await makeOrigin()
      const url = await start(origin, {
        resolve: async () => [at('127.0.0.1')],
        redirects: 2,
        rewrite: (out) => out.fields.set('Authorization', 'Basic eA=='),
      })
      const response = ask(url, `http://one.example:${origin.port}/a`)
      const first = await origin.request()
      expect(first.message.get('authorization')).toBe('Basic eA==')
      await first.send(to('/b?c', 'moved'))
      const second = await origin.request()
      expect(second.message.target).toBe('/b?c')
      expect(second.message.get('authorization')).toBe('Basic eA==')
      await second.send(to(`http://two.example:${origin.port}/d`))
      const third = await origin.request()
      expect(third.message.target).toBe('/d')
      expect(third.message.all('host')).toEqual([`two.example:${origin.port}`])
      expect(third.message.has('authorization')).toBe(false)
      await third.send(answer())
      expect(await response).toMatchObject({ status: 200, verdict: 'complete' })
    })

    test('and from there on to what is said relative to that', async () => {
      const origin = await makeOrigin()
      const url = await start(origin, { resolve: async () => [at('127.0.0.1')], redirects: 2 })
      const response = ask(url, `http://one.example:${origin.port}/a`)
      await (await origin.request()).send(to(`http://two.example:${origin.port}/b/c`))
      await (await origin.request()).send(to('d'))
      const { message, send } = await origin.request()
      expect([message.target, message.get('host')]).toEqual(['/b/d', `two.example:${origin.port}`])
      await send(answer())
      expect(await response).toMatchObject({ status: 200 })
    })

    test.each([
      ['an address at home', 'http://127.0.0.2:PORT/secret'],
      ['one without a scheme', '//127.0.0.2:PORT/secret'],
      ['a name without a scheme that stands for one', '//internal.example:PORT/secret'],
      ['another port without a scheme', '//one.example:1/secret'],
      ['one behind backslashes', '\\\\127.0.0.2:PORT/secret'],
      ['an odd spelling of one', 'http://0x7f.2:PORT/secret'],
      ['a name that stands for one', 'http://internal.example:PORT/secret'],
      ['another port', 'http://one.example:1/secret'],
      ['another scheme', 'ftp://one.example:PORT/secret'],
      ['credentials', 'http://a:b@one.example:PORT/secret'],
    ])('does not go to %s', async (_, location) => {
      const origin = await makeOrigin()
      const url = await start(origin, {
        resolve: async (name) => [at(name === 'internal.example' ? '127.0.0.2' : '127.0.0.1')],
        redirects: 2,
      })
      const response = ask(url, `http://one.example:${origin.port}/`)
      await (await origin.request()).send(to(location.replace('PORT', String(origin.port))))
      expect([400, 403]).toContain((await response).status)
      expect((await response).has('location')).toBe(false)
      expect(origin.requests).toHaveLength(1)
    })

    test('a transport that asks again begins where the user wanted to go', async () => {
      const origin = await makeOrigin()
      let calls = 0
      const url = await start(
        origin,
        {
          resolve: async () => [at('127.0.0.1')],
          redirects: 2,
          rewrite: (out) => out.fields.set('Authorization', 'Basic eA=='),
        },
        {
          async transport(_, next) {
            calls++
            await next().catch(() => next())
          },
        },
      )
      const response = ask(url, `http://one.example:${origin.port}/a`)
      await (await origin.request()).send(to(`http://two.example:${origin.port}/b`))
      const second = await origin.request()
      second.connection.reset()
      const third = await origin.request()
      const seen = [second, third].map(({ message }) => [message.target, message.has('authorization')])
      expect(seen).toEqual([
        ['/b', false],
        ['/a', true],
      ])
      await third.send(answer())
      expect(await response).toMatchObject({ status: 200, verdict: 'complete' })
      expect(calls).toBe(1)
    })

    test('does not go round for ever', async () => {
      const origin = await makeOrigin()
      const url = await start(origin, { resolve: async () => [at('127.0.0.1')], redirects: 2 })
      const response = ask(url, `http://one.example:${origin.port}/`)
      for (let i = 0; i < 3; i++) await (await origin.request()).send(to('/'))
      expect((await response).status).toBe(502)
      expect(origin.requests).toHaveLength(3)
    })
  })
}
