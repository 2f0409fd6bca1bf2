/** ERR: what a client is told when something fails. RFC 9110 §15.6, RFC 9112 §9.6, RFC 9209. */

import type { Client, Exchange, Message, Origin } from '@relayrace/fixtures/wire'
import { type Case, chunked, chunks, each, get, head, reply, type Setup, type Stage } from '../case.ts'
import { answered, check, complete, equal, refused } from '../expect.ts'
import { refuses } from '../refusal.ts'
import { unknownAuthority } from '../secure.ts'
import { type Line, logging, says, unique } from './obs.ts'

const nobodyListens: Setup = {
  name: 'with an upstream where nobody listens',
  upstream: () => new URL('http://127.0.0.1:1'),
}

/** What an origin may do instead of answering. */
const failures = {
  'reset before the head': ({ connection }: Exchange) => connection.reset(),
  'closed before the head': ({ connection }: Exchange) => connection.end(),
  'closed within the head': (exchange: Exchange) => {
    exchange.send('HTTP/1.1 200 OK\r\nX-A: ')
    exchange.connection.end()
  },
  'no HTTP': (exchange: Exchange) => {
    exchange.send('220 mail.example ESMTP\r\n\r\n')
    exchange.connection.end()
  },
} as const

export const err: readonly Case[] = [
  {
    id: 'ERR-01',
    rule: 'RFC 9110 §15.6.3',
    level: 'SHOULD',
    title: 'answers 502 (or 503) when the origin cannot be reached, and 502 when it does not speak HTTP',
    run: {
      refused: { setup: nobodyListens, run: async (stage) => void refused(await failed(stage), 502, 503) },
      'a certificate from nobody it knows': {
        setup: unknownAuthority,
        run: async (stage) => void answered(await failed(stage), 502),
      },
      ...each(failures, async (stage, fail) => {
        answered(await failed(stage, fail), 502)
      }),
    },
  },
  {
    id: 'ERR-02',
    rule: 'RFC 9110 §15.6, §17',
    level: 'SHOULD',
    title: 'answers errors shortly, with framing that is right, and tells nothing of what is behind it',
    run: {
      refused: { setup: nobodyListens, run: async (stage) => tellsNothing(stage, await failed(stage)) },
      'a certificate from nobody it knows': {
        setup: unknownAuthority,
        run: async (stage) => tellsNothing(stage, await failed(stage)),
      },
      ...each(failures, async (stage, fail) => tellsNothing(stage, await failed(stage, fail))),
    },
  },
  {
    id: 'ERR-03',
    rule: 'ours: an error of the intermediary is no response of the origin',
    level: 'MUST',
    title: 'mixes nothing of a response that failed into the error it answers with',
    run: each(
      {
        'reset after the head': { after: 'reset' },
        'closed after the head': { after: 'end' },
        'a chunk size that is none': { after: 'xyz\r\n' },
        'content where none may be': {
          status: '204 Secret reason',
          framing: 'Content-Length: 2',
          after: 'no',
        },
        'a field that is none': { framing: 'Transfer-Encoding: chunked\r\n\x01', after: '' },
      } as Readonly<Record<string, { status?: string; framing?: string; after: string }>>,
      async (
        { ask, pass, recover },
        { status = '200 Secret reason', framing = 'Transfer-Encoding: chunked', after },
      ) => {
        const { client, exchange, response } = await ask(get('/err'))
        check(exchange !== undefined, 'it answered without asking the origin')
        const { connection } = exchange
        const sent = head(
          `HTTP/1.1 ${status}`,
          'X-Origin: secret',
          'ETag: "secret"',
          'Set-Cookie: secret=1',
          'Content-Type: text/secret',
          framing,
        )
        await exchange.send(sent + (after === 'reset' || after === 'end' ? '' : after))
        if (after === 'reset' || after === 'end') connection[after]()
        await ownOrBroken(client, response)
        await pass(20)
        await recover(client)
      },
    ),
  },
  {
    id: 'ERR-04',
    rule: 'RFC 9112 §6.3, §9.3.2',
    level: 'MUST',
    title: 'answers errors to HEAD without content, and errors to pipelined requests in their order',
    run: {
      HEAD: async ({ ask, recover }) => {
        const { client, exchange, response } = await ask(head('HEAD /err HTTP/1.1', 'Host: a'), {
          to: 'HEAD',
        })
        check(exchange !== undefined, 'it answered without asking the origin')
        exchange.connection.reset()
        refused(await response, 502)
        await recover(client)
      },
      'the first of two': async ({ connect, origin }) => {
        const client = await connect()
        client.send(get('/err/first') + get('/err/second'))
        await using _ = serving(origin, (exchange) => {
          if (exchange.message.target.endsWith('first')) exchange.connection.reset()
          else exchange.send(reply('second'))
        })
        refused(await client.response(), 502)
        // It may close instead of going on.
        const second = await client.response().catch(() => undefined)
        if (second && second.verdict !== 'incomplete') answered(second, 200, 'second')
        else check(client.ending !== undefined, 'the second request was never answered')
      },
      'the second of two': async ({ connect, origin, pass }) => {
        const client = await connect()
        client.send(get('/err/first') + get('/err/second'))
        await using _ = serving(origin, async (exchange) => {
          if (exchange.message.target.endsWith('second')) return exchange.connection.reset()
          await pass(100)
          exchange.send(reply('first'))
        })
        answered(await client.response(), 200, 'first')
        // It may close instead, and leave it to the client to ask again.
        const second = await client.response().catch(() => undefined)
        if (second && second.verdict !== 'incomplete') refused(second, 502)
        else check(client.ending !== undefined, 'the second request was never answered')
      },
    },
  },
  {
    id: 'ERR-05',
    rule: 'RFC 9112 §9.6',
    level: 'MUST',
    title: 'closes after a request that makes no sense, and serves nothing that comes after it',
    run: each({ 'in the same segment': true, later: false }, async ({ connect, origin }, together) => {
      const client = await connect()
      const more = get('/err/late').repeat(20)
      const bad = head('POST /err HTTP/1.1', 'Host: a', 'Content-Length: x')
      client.send(together ? bad + more : bad)
      // Whether it can be read, ERR-14 says.
      const response = await client.response().catch(() => undefined)
      if (!together) client.send(more)
      if (response) check(response.status === 400, `the response is ${response.startLine}, not 400`)
      await client.ended()
      equal(origin.requests.length, 0, 'the number of requests at the origin')
    }),
  },
  {
    id: 'ERR-06',
    rule: 'ours: RFC 9209 has no error for a client that left',
    level: 'SHOULD',
    needs: ['log'],
    title: 'takes a client that left for no failure of the origin',
    setup: logging,
    deliveries: ['coalesced'],
    run: {
      'before the response': async (stage) => {
        const path = unique(stage)
        const { client, exchange } = await stage.ask(get(path))
        client.close()
        await exchange?.connection.ended()
        notOfTheOrigin(await stage.logged(path), 499)
      },
      'during an upload': async (stage) => {
        const path = unique(stage)
        const { client, exchange } = await stage.ask(
          `${head(`POST ${path} HTTP/1.1`, 'Host: a', 'Content-Length: 100')}hello`,
        )
        client.reset()
        await exchange?.connection.ended()
        notOfTheOrigin(await stage.logged(path), 499)
      },
      'in the response': async (stage) => {
        const path = unique(stage)
        const { client, exchange } = await stage.ask(get(path))
        exchange?.send(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunks('hello'))
        await (await client.responding()).body(5)
        client.close()
        await exchange?.connection.ended()
        notOfTheOrigin(await stage.logged(path), 200)
      },
    },
  },
  {
    id: 'ERR-08',
    rule: 'ours: one failure is not the next one’s cause',
    level: 'MUST',
    title: 'serves the next request after any failure, on the same connection or a new one',
    run: each(failures, async (stage, fail) => {
      const { connect, recover } = stage
      const client = await connect()
      for (let count = 0; count < 5; count++) {
        // Whether it is the right answer, ERR-01 says.
        const asking = client.open && !client.ending ? client : await connect()
        await failed(stage, fail, asking).catch(() => undefined)
        await recover(asking)
      }
      await recover(await connect())
    }),
  },
  {
    id: 'ERR-09',
    rule: 'RFC 9209 §2',
    level: 'MAY',
    title: 'says in Proxy-Status what went wrong',
    run: {
      refused: {
        setup: nobodyListens,
        run: async (stage) => saysWhat(await failed(stage), /^connection_refused$/),
      },
      'reset before the head': async (stage) =>
        saysWhat(
          await failed(stage, failures['reset before the head']),
          /^(?:connection_terminated|http_response_incomplete|http_protocol_error)$/,
        ),
    },
  },
  {
    id: 'ERR-10',
    rule: 'RFC 9209 §2',
    level: 'MUST',
    title: 'keeps what those before it said in Proxy-Status, in front of its own',
    async run({ exchange }) {
      const said = 'cache.example; error=http_request_denied; details="a, b"'
      const { response } = await exchange(
        get('/err'),
        `${head('HTTP/1.1 502 Bad Gateway', 'Content-Length: 2', `Proxy-Status: ${said}`)}no`,
      )
      answered(response, 502, 'no')
      const now = response.all('proxy-status').join(', ')
      check(now === said || now.startsWith(`${said},`), `Proxy-Status of the response is ${now}, not ${said}`)
    },
  },
  {
    id: 'ERR-11',
    rule: 'RFC 9110 §15.5, RFC 9112 §9.3',
    level: 'SHOULD',
    title: 'keeps the connection of a client after an error that is not about it',
    async run({ ask, exchange }) {
      const { client, exchange: first, response } = await ask(get('/err'))
      check(first !== undefined, 'it answered without asking the origin')
      first.connection.reset()
      refused(await response, 502)
      const second = await exchange(get('/err/next'), reply('ok'), { client })
      answered(second.response, 200, 'ok')
    },
  },
  {
    id: 'ERR-12',
    rule: 'RFC 9112 §9.3',
    level: 'MUST',
    title: 'takes nothing of the content of a request that it refused for another request',
    run: each(
      {
        chunked: `Transfer-Encoding: chunked\r\n\r\n${chunked(get('/smuggled'))}`,
        'Content-Length': `Content-Length: ${get('/smuggled').length}\r\n\r\n${get('/smuggled')}`,
      },
      async (stage, rest) => {
        const client = await refuses(stage, `POST /err HTTP/1.1\r\nHost: a\r\nHost: b\r\n${rest}`)
        await stage.recover(client)
      },
    ),
  },
  {
    id: 'ERR-13',
    rule: 'RFC 9112 §9.6',
    level: 'MUST',
    title: 'serves nothing more on a connection once either side has said close',
    run: {
      ...each({ 'in the same segment': true, later: false }, async ({ ask, origin, pass }, together) => {
        const last = get('/err/last', 'Connection: close')
        const { client, exchange, response } = await ask(together ? last + get('/err/late') : last)
        if (!together) client.send(get('/err/late'))
        await pass(20)
        exchange?.send(reply('last'))
        // Whether it is the right answer, ERR-15 says.
        await response.catch(() => undefined)
        await client.ended()
        // It may still be on its way when the answer is already a refusal.
        if (!exchange) await origin.request({ within: 200 }).catch(() => undefined)
        const late = origin.requests.filter(({ target }) => target === '/err/late')
        equal(late.length, 0, 'the number of late requests at the origin')
      }),
      'after a refusal': async ({ ask, origin, recover }) => {
        const bad = head('GET /err HTTP/1.1', 'Host: a', 'Host: b')
        const { client, exchange, response } = await ask(bad + get('/err/late'))
        if (exchange?.message.target === '/err') {
          // Not refused, which HOST-01 is about; so both are due.
          exchange.send(reply('ok'))
          await response
          const { send } = await origin.request()
          send(reply('late'))
          return
        }
        const { startLine, status, fields } = await response
        check(status === 400, `the response is ${startLine}, not 400`)
        const closing = fields.some((field) => /^connection: close$/i.test(field.join(': ')))
        if (!closing) return recover(client)
        await client.ended()
        equal(origin.requests.length, 0, 'the number of requests at the origin')
      },
    },
  },
  {
    id: 'ERR-14',
    rule: 'RFC 9112 §9.6',
    level: 'SHOULD',
    title: 'lets its last word be read before it closes, although there is more to come',
    deliveries: ['coalesced'],
    run: each(
      { requests: get('/err/late').repeat(20), 'much content': 'x'.repeat(256 * 1024) },
      async ({ connect }, more) => {
        const client = await connect()
        client.send(head('POST /err HTTP/1.1', 'Host: a', 'Content-Length: x') + more)
        refused(await client.response(), 400)
        await client.ended()
      },
    ),
  },
  {
    id: 'ERR-15',
    rule: 'RFC 9112 §2.2, §9.6',
    level: 'SHOULD',
    title: 'answers the request that said close, whatever comes after it',
    run: each(
      { 'an empty line': '\r\n', 'another request': get('/err/late'), 'no request': 'x'.repeat(100) },
      async ({ connect, origin }, more) => {
        const client = await connect()
        client.send(get('/err/last', 'Connection: close') + more)
        const exchange = await origin.request()
        exchange.send(reply('last'))
        answered(await client.response(), 200, 'last')
        await client.ended()
      },
    ),
  },
]

/** What a client gets when its request fails so, as often as it arrives; or before it arrives. */
async function failed(
  { connect, origin }: Stage,
  fail?: (exchange: Exchange) => void,
  on?: Client,
): Promise<Message> {
  const client = on ?? (await connect())
  const before = origin.requests.length
  client.send(get('/err'))
  await using _ = serving(origin, (exchange) => fail?.(exchange))
  const response = await client.response()
  check(!fail || origin.requests.length > before, 'it answered without asking the origin')
  return response
}

/** Does this with every request that comes, until it is disposed of. */
function serving(origin: Origin, serve: (exchange: Exchange) => void | Promise<void>): AsyncDisposable {
  const over = new AbortController()
  const loop = async (): Promise<never> => {
    for (;;) await serve(await origin.request({ signal: over.signal }))
  }
  loop().catch(() => {})
  return {
    async [Symbol.asyncDispose]() {
      over.abort()
    },
  }
}

const secrets =
  /127\.0\.0\.1|localhost|::1|ECONN|EPIPE|EPROTO|ETIMEDOUT|ERR_|HPE_|UND_|node_modules|node:|\.[jt]s:\d|\n\s+at /

function tellsNothing({ origin }: Stage, response: Message): void {
  complete(response)
  check(response.status >= 500, `the response is ${response.startLine}, not an error`)
  const all = response.head + response.text
  const told = secrets.exec(all)?.[0] ?? (all.includes(`:${origin.port}`) ? `:${origin.port}` : undefined)
  check(told === undefined, `the response tells ${JSON.stringify(told)}`)
  check(response.bodyLength <= 2048, `the content is ${response.bodyLength} bytes long`)
}

async function ownOrBroken(client: Client, whole: Promise<Message>): Promise<void> {
  const response = await whole.catch((error) => {
    if (client.ending) return undefined
    throw error
  })
  if (!response) return
  check(response.verdict !== 'malformed', `the response is malformed: ${response}`)
  if (response.status < 500) {
    const broken = response.verdict === 'incomplete' || response.status === 204
    check(broken, `the response looks complete: ${response}`)
    return
  }
  refused(response, 502)
  const mixed = response.head.split('\r\n').find((line) => /secret/i.test(line))
  check(mixed === undefined, `the error has what the origin sent: ${mixed}`)
}

function saysWhat(response: Message, error: RegExp): void {
  refused(response, 502, 503)
  const said = response.all('proxy-status').join(', ')
  const type = /;\s*error=([a-z_]+)/.exec(said)?.[1] ?? ''
  check(error.test(type), `Proxy-Status of the response is ${said || 'not there'}`)
}

function notOfTheOrigin(line: Line, status: number): void {
  says(line, { outcome: 'aborted', endedBy: 'client', status })
}
