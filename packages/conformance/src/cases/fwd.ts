/** FWD: what an intermediary says about the way of a request. RFC 7239, RFC 9110 §7.6.2 and §7.6.3. */

import type { Message } from '@relayrace/fixtures/wire'
import { type Case, chunks, each, get, head, reply, type Setup, type Stage } from '../case.ts'
import { answered, check, complete, equal, lacks, values } from '../expect.ts'

const setting: Setup = { name: 'that trusts no client', options: { forwarded: 'set' } }
const appending: Setup = { name: 'that stands behind another proxy', options: { forwarded: 'append' } }
const saying: Setup = { name: 'that says nothing about clients', options: { forwarded: 'none' } }
const onIpv6: Setup = { name: 'at an IPv6 address', options: {}, env: { HOST: '::1' } }

const claims = [
  'X-Forwarded-For: 192.0.2.1, 192.0.2.2',
  'X-Forwarded-Proto: gopher',
  'X-Forwarded-Host: evil.example',
  'Forwarded: for=192.0.2.1;host=evil.example;proto=gopher',
] as const

/** What a client may not say in trailers. */
export const forged: readonly (readonly [name: string, value: string])[] = [
  ['X-Forwarded-For', '192.0.2.1'],
  ['X-Forwarded-Proto', 'gopher'],
  ['X-Forwarded-Host', 'evil.example'],
  ['Forwarded', 'for=192.0.2.1;host=evil.example'],
  ['Via', '1.1 evil.example'],
  ['X-Real-IP', '192.0.2.1'],
  ['X_Forwarded_For', '192.0.2.1'],
]

const truths: readonly (readonly [name: string, truth: RegExp])[] = [
  ['x-forwarded-for', /^127\.0\.0\.1$/],
  ['forwarded', /for="?127\.0\.0\.1[:"]?/i],
  ['x-forwarded-proto', /^http$/],
  ['x-forwarded-host', /^a$/],
]

const atOrigin = 'the request at the origin'

export const fwd: readonly Case[] = [
  {
    id: 'FWD-01',
    rule: 'ours, after RFC 7239 §8.1',
    level: 'MUST',
    title: 'lets no client decide alone what the origin is told about it',
    run: {
      'as usual': async (stage) => {
        // Who says nothing to the origin by itself leaves it to the origin to know that.
        const plain = await forwarded(stage, [])
        const request = await forwarded(stage, claims)
        for (const [name, truth] of truths) if (plain.has(name)) last(request, name, truth)
      },
      'without trust': {
        setup: setting,
        run: async (stage) => {
          const request = await forwarded(stage, [
            ...claims,
            'X-Real-IP: 192.0.2.1',
            'X_Forwarded_For: 192.0.2.1',
            'X-Forwarded-Tls-Client-Cert: evil',
            'Client-Cert: :evil:',
          ])
          values(request, 'x-forwarded-for', ['127.0.0.1'], atOrigin)
          values(request, 'x-forwarded-proto', ['http'], atOrigin)
          values(request, 'x-forwarded-host', ['a'], atOrigin)
          check(!/192\.0\.2|evil|gopher/.test(request.head), 'a claim of the client came to the origin')
        },
      },
      'behind another proxy': {
        setup: appending,
        run: async (stage) => {
          const request = await forwarded(stage, [...claims, 'Forwarded: for="[2001:db8::1]:80"'])
          const way = request.all('x-forwarded-for').join(', ')
          equal(way, '192.0.2.1, 192.0.2.2, 127.0.0.1', 'X-Forwarded-For at the origin')
          const members = request.all('forwarded').join(', ')
          const before = 'for=192.0.2.1;host=evil.example;proto=gopher, for="[2001:db8::1]:80", '
          check(members.startsWith(before), `Forwarded at the origin is ${members}`)
          check(
            /for="?127\.0\.0\.1/i.test(members.slice(before.length)),
            `Forwarded at the origin is ${members}`,
          )
        },
      },
      'saying nothing': {
        setup: saying,
        run: async (stage) => {
          const request = await forwarded(stage, claims)
          for (const name of ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'forwarded'])
            lacks(request, name, atOrigin)
        },
      },
    },
  },
  {
    id: 'FWD-02',
    rule: 'RFC 7239 §4, §6',
    level: 'MUST',
    title: 'writes Forwarded in its grammar: brackets and quotes around IPv6, quotes around what is no token',
    run: {
      'an IPv4 client': async (stage) => inGrammar(await forwarded(stage, [])),
      'a host with a port': async (stage) => inGrammar(await forwarded(stage, [], 'a.example:8080')),
      'a host in brackets': async (stage) => inGrammar(await forwarded(stage, [], '[2001:db8::1]:8080')),
      'a host with odd characters': async (stage) => inGrammar(await forwarded(stage, [], "a!$&'()*+;=b")),
      'an IPv6 client': {
        setup: onIpv6,
        run: async (stage) => {
          const request = await forwarded(stage, [])
          inGrammar(request)
          last(request, 'forwarded', /for="\[::1\](?::\d+)?"/i)
          last(request, 'x-forwarded-for', /^::1$/)
        },
      },
    },
  },
  {
    id: 'FWD-04',
    rule: 'RFC 9110 §7.6.3',
    level: 'MUST',
    title: 'adds itself to Via, behind those before it, with the protocol in which the request came',
    run: {
      'first of all': async ({ exchange }) => {
        const { request, response } = await exchange(get('/fwd'), reply('ok'))
        answered(response, 200, 'ok')
        check(ownVia(request).length === 1, `Via at the origin is ${via(request) || 'not there'}`)
        check(/^(?:HTTP\/)?1\.1 /i.test(via(request)), `Via at the origin is ${via(request)}`)
      },
      'behind others': async ({ exchange }) => {
        const before = ['Via: 1.0 fred, 1.1 p.example.net (Apache/1.1)', 'Via: 2 h2.example'] as const
        const { request, response } = await exchange(get('/fwd', ...before), reply('ok'))
        answered(response, 200, 'ok')
        const kept = '1.0 fred, 1.1 p.example.net (Apache/1.1), 2 h2.example, '
        check(via(request).startsWith(kept), `Via at the origin is ${via(request)}`)
      },
      'in HTTP/1.0': async ({ ask }) => {
        const { exchange, response } = await ask(head('GET /fwd HTTP/1.0', 'Host: a'))
        check(exchange !== undefined, 'it answered without asking the origin')
        const { message, send } = exchange
        send(reply('ok'))
        answered(await response, 200, 'ok')
        check(/^(?:HTTP\/)?1\.0 /i.test(via(message)), `Via at the origin is ${via(message) || 'not there'}`)
      },
    },
  },
  {
    id: 'FWD-05',
    rule: 'RFC 9110 §7.6.3',
    level: 'SHOULD',
    title: 'answers 502, 508 or 400 to a request that has already come through it',
    async run({ ask, exchange, recover }) {
      const first = await exchange(get('/fwd/1'), reply('ok'))
      const [own] = ownVia(first.request)
      check(own !== undefined, 'it adds no Via, so it cannot know')
      const {
        client,
        exchange: again,
        response,
      } = await ask(get('/fwd/2', `Via: 1.0 fred, ${own}, 1.1 other`))
      check(again === undefined, 'it forwarded the request once more')
      const { status, startLine } = complete(await response)
      check([400, 500, 502, 508].includes(status), `the response is ${startLine}`)
      await recover(client)
    },
  },
  {
    id: 'FWD-06',
    rule: 'RFC 9110 §7.6.2',
    level: 'MUST',
    title: 'counts Max-Forwards of OPTIONS and TRACE down, and answers by itself at zero',
    run: {
      'OPTIONS at 0': async ({ ask, recover }) => {
        const { client, exchange, response } = await ask(
          head('OPTIONS /fwd HTTP/1.1', 'Host: a', 'Max-Forwards: 0'),
        )
        check(exchange === undefined, 'it forwarded the request')
        const { status, startLine } = complete(await response)
        check(status < 500 && status >= 200, `the response is ${startLine}`)
        await recover(client)
      },
      'OPTIONS at 5': async ({ exchange }) => {
        const { request, response } = await exchange(
          head('OPTIONS /fwd HTTP/1.1', 'Host: a', 'Max-Forwards: 5'),
          reply('ok'),
        )
        answered(response, 200, 'ok')
        values(request, 'max-forwards', ['4'], atOrigin)
      },
      'TRACE at 0': async ({ ask, recover }) => {
        const { client, exchange, response } = await ask(
          head(
            'TRACE /fwd HTTP/1.1',
            'Host: a',
            'Max-Forwards: 0',
            'Cookie: secret=1',
            'Authorization: secret',
          ),
        )
        check(exchange === undefined, 'it forwarded the request')
        const answer = complete(await response)
        check(!answer.text.includes('secret'), 'it sent credentials back')
        await recover(client)
      },
      'TRACE at 5': async ({ ask, recover }) => {
        const { client, exchange, response } = await ask(
          head('TRACE /fwd HTTP/1.1', 'Host: a', 'Max-Forwards: 5'),
        )
        if (exchange) {
          values(exchange.message, 'max-forwards', ['4'], atOrigin)
          exchange.send(reply('ok'))
          answered(await response, 200, 'ok')
        } else {
          const { status, startLine } = complete(await response)
          check([400, 403, 404, 405, 501].includes(status), `the response is ${startLine}`)
        }
        await recover(client)
      },
    },
  },
  {
    id: 'FWD-07',
    rule: 'RFC 9110 §7.6.3',
    level: 'MUST',
    title: 'keeps Via of a response, in front of its own',
    async run({ exchange }) {
      const { response } = await exchange(
        get('/fwd'),
        reply('ok', 'Via: 1.1 origin-side, 1.0 other', 'Via: 1.1 third'),
      )
      answered(response, 200, 'ok')
      const kept = '1.1 origin-side, 1.0 other, 1.1 third'
      check(
        via(response) === kept || via(response).startsWith(`${kept}, `),
        `Via of the response is ${via(response)}`,
      )
    },
  },
  {
    id: 'FWD-08',
    rule: 'RFC 9110 §7.6.2',
    level: 'MAY',
    title: 'leaves Max-Forwards of other methods alone',
    run: each({ GET: 'GET', POST: 'POST' }, async ({ exchange }, method) => {
      const { request, response } = await exchange(
        head(`${method} /fwd HTTP/1.1`, 'Host: a', 'Content-Length: 0', 'Max-Forwards: 0'),
        reply('ok'),
      )
      answered(response, 200, 'ok')
      values(request, 'max-forwards', ['0'], atOrigin)
    }),
  },
  {
    id: 'FWD-09',
    rule: 'ours, after RFC 7239 §8.1',
    level: 'SHOULD',
    title: 'removes what a client claims about its way in a field that it does not write itself',
    async run(stage) {
      const request = await forwarded(stage, [...claims, 'X-Real-IP: 192.0.2.1'])
      for (const [name, truth] of truths) last(request, name, truth)
      last(request, 'x-real-ip', /^127\.0\.0\.1$/)
    },
  },
  {
    id: 'FWD-10',
    rule: 'ours, after RFC 9110 §6.5.1: who merges trailers into the head believes them',
    level: 'SHOULD',
    title: 'lets no client say behind the content what it could not say in front of it',
    run: each(
      { announced: [`Trailer: ${forged.map(([name]) => name).join(', ')}`], 'not announced': [] as string[] },
      async ({ exchange }, fields) => {
        const { request, response } = await exchange(
          `${head('POST /fwd HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked', ...fields)}${chunks('hello')}${head('0', ...forged.map((field) => field.join(': ')))}`,
          reply('ok'),
        )
        answered(response, 200, 'ok')
        equal(request.text, 'hello', 'the content at the origin')
        notForged(request)
      },
    ),
  },
]

async function forwarded({ exchange }: Stage, fields: readonly string[], host = 'a'): Promise<Message> {
  const { request, response } = await exchange(
    head('GET /fwd HTTP/1.1', `Host: ${host}`, ...fields),
    reply('ok'),
  )
  answered(response, 200, 'ok')
  return request
}

export function notForged(request: Message): void {
  for (const [name] of forged) {
    const value = request.trailer(name)
    check(value === undefined, `the trailers at the origin have ${name}: ${value}`)
  }
  check(!/192\.0\.2|evil|gopher/.test(request.head), 'a trailer of the client came to the origin in the head')
}

/** If the field is there, its last member is true. Those before it are for the origin to trust or not. */
function last(message: Message, name: string, truth: RegExp): void {
  const members = message.all(name).join(', ').split(/, */)
  const member = members.at(-1) ?? ''
  const fine = !message.has(name) || truth.test(member)
  check(fine, `${name} at the origin is ${message.all(name).join(' / ')}`)
}

const token = /[!#$%&'*+\-.^_`|~0-9A-Za-z]+/.source
const pair = `${token}=(?:${token}|"(?:[^"\\\\]|\\\\.)*")`
const element = `(?:${pair})?(?:;(?:${pair})?)*`
const grammar = new RegExp(`^${element}(?:[ \\t]*,[ \\t]*${element})*$`)

function inGrammar(message: Message): void {
  for (const value of message.all('forwarded'))
    check(grammar.test(value), `Forwarded at the origin is not well-formed: ${value}`)
}

const via = (message: Message): string => message.all('via').join(', ')

const ownVia = (message: Message): string[] =>
  via(message)
    .split(/, */)
    .filter((member) => member !== '')
