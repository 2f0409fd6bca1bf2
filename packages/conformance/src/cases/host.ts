/** HOST: whom a request is for. RFC 9112 §3.2, RFC 9110 §7.2. */

import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createServer, connect as dial } from 'node:net'
import { type Case, each, head, reply, type Setup, type Stage } from '../case.ts'
import { answered, check, equal } from '../expect.ts'
import { refuses, refusesOrReads } from '../refusal.ts'

const preserving: Setup = { name: "that keeps the client's Host", options: { 'preserve-host': true } }
const overIpv6: Setup = { name: 'with an IPv6 upstream', upstream: ipv6InFront }
const overName: Setup = {
  name: 'with a named upstream',
  upstream: ({ port }) => new URL(`http://localhost:${port}`),
}

export const host: readonly Case[] = [
  {
    id: 'HOST-01',
    rule: 'RFC 9112 §3.2',
    level: 'MUST',
    title: 'answers 400 to an HTTP/1.1 request without Host, with two, or with one that is no host',
    run: each(
      {
        none: [],
        two: ['Host: a', 'Host: b'],
        'the same twice': ['Host: a', 'Host: a'],
        'two, far apart': ['Host: a', 'X-A: 1', 'host: b'],
        'a list': ['Host: a, b'],
        userinfo: ['Host: a@b'],
        path: ['Host: a/b'],
        query: ['Host: a?b'],
        'a space': ['Host: a b'],
        'a port that is none': ['Host: a:b'],
        'half a bracket': ['Host: [::1'],
        backslash: ['Host: a\\b'],
        NUL: ['Host: a\x00b'],
        'a control character': ['Host: a\x01b'],
        'a space before the colon': ['Host : a'],
      },
      async (stage, fields) => {
        await refuses(stage, head('GET /host HTTP/1.1', ...fields), { statuses: [400] })
      },
    ),
  },
  {
    id: 'HOST-02',
    rule: 'RFC 9110 §7.2',
    level: 'SHOULD',
    title: "sends one Host: the client's, or the authority of the origin with its port",
    run: {
      'as usual': ({ exchange, origin }) => sends(exchange, ['Example.com:8080', `127.0.0.1:${origin.port}`]),
      'to a name': {
        setup: overName,
        run: ({ exchange, origin }) => sends(exchange, ['Example.com:8080', `localhost:${origin.port}`]),
      },
      'to an IPv6 address': {
        setup: overIpv6,
        run: ({ exchange }) => sends(exchange, ['Example.com:8080', /^\[::1\]:\d+$/]),
      },
      'when told to keep it': {
        setup: preserving,
        run: ({ exchange }) => sends(exchange, ['Example.com:8080']),
      },
    },
  },
  {
    id: 'HOST-03',
    rule: 'RFC 9112 §3.2',
    level: 'MUST',
    title: 'sends Host upstream also when an HTTP/1.0 client sent none',
    run: {
      'HTTP/1.0': async ({ ask }) => {
        const { exchange, response } = await ask(head('GET /host HTTP/1.0'))
        check(exchange !== undefined, 'it answered without asking the origin')
        const { message } = exchange
        exchange.send(reply('ok'))
        answered(await response, 200, 'ok')
        if (message.version === 'HTTP/1.1') equal(message.all('host').length, 1, 'the number of Host lines')
      },
    },
  },
  {
    id: 'HOST-04',
    rule: 'RFC 9110 §7.2, RFC 3986 §3.2.2',
    level: 'MUST',
    title: 'serves any Host that is well-formed, or refuses it without changing it',
    run: each(
      {
        'an IPv6 address': '[2001:db8::1]:8080',
        'an IPv4 address': '192.0.2.1',
        'a port of nothing': 'a:',
        'a trailing dot': 'example.com.',
        'an underscore': 'a_b.example',
        'a percent-encoded name': 'caf%C3%A9.example',
        'a long name': `${'a'.repeat(60)}.${'b'.repeat(60)}.example`,
        'in capitals': 'EXAMPLE.com',
        empty: '',
      },
      (stage, value) =>
        refusesOrReads(stage, head('GET /host HTTP/1.1', `Host: ${value}`), {
          look: (request) => {
            const hosts = request.all('host')
            const own = [value, stage.origin.url.host, `localhost:${stage.origin.port}`]
            check(
              hosts.length === 1 && own.includes(hosts[0] ?? ''),
              `Host at the origin is ${hosts.join(' / ') || 'not there'}, not ${value}`,
            )
          },
        }),
    ),
  },
]

async function sends(exchange: Stage['exchange'], allowed: readonly (string | RegExp)[]): Promise<void> {
  const { request, response } = await exchange(
    head('GET /host HTTP/1.1', 'Host: Example.com:8080'),
    reply('ok'),
  )
  answered(response, 200, 'ok')
  const hosts = request.all('host')
  equal(hosts.length, 1, 'the number of Host lines at the origin')
  const right = allowed.some((one) => (typeof one === 'string' ? one === hosts[0] : one.test(hosts[0] ?? '')))
  check(right, `Host at the origin is ${hosts[0]}, not ${allowed.join(' or ')}`)
}

/** The same origin, at an address that needs brackets. */
async function ipv6InFront(origin: URL, over: AbortSignal): Promise<URL> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const onward = dial({ port: Number(origin.port), host: origin.hostname, allowHalfOpen: true })
    socket.pipe(onward).pipe(socket)
    const end = (): void => {
      socket.destroy()
      onward.destroy()
    }
    for (const each of [socket, onward]) each.on('error', end).on('close', end)
    over.addEventListener('abort', end, { once: true })
  })
  server.listen(0, '::1')
  over.addEventListener('abort', () => server.close(), { once: true })
  await once(server, 'listening')
  return new URL(`http://[::1]:${(server.address() as AddressInfo).port}`)
}
