/** POOL: upstream connections are used again when that is safe, and only then. RFC 9112 §9.3 and §9.6. */

import { type Client, type Exchange, Missed } from '@relayrace/fixtures/wire'
import { type Case, chunked, each, get, head, reply, type Setup, type Stage } from '../case.ts'
import { answered, check, complete, equal, soonEnough } from '../expect.ts'
import { terminatesTls } from '../secure.ts'

const graceful: Setup = { name: 'that may take 2000 ms to end', options: { grace: 2000 } }
const inAHurry: Setup = { name: 'that may take 500 ms to end', options: { grace: 500 } }

const schemes = {
  NTLM: ['Authorization: NTLM', '401', 'WWW-Authenticate: NTLM'],
  Negotiate: ['Authorization: Negotiate', '401', 'WWW-Authenticate: Negotiate'],
  'in another case': ['authorization: negotiate', '401', 'WWW-Authenticate: Negotiate'],
  'to a proxy': ['Proxy-Authorization: NTLM', '407', 'Proxy-Authenticate: NTLM'],
} as const

type Scheme = (typeof schemes)[keyof typeof schemes]

export const pool: readonly Case[] = [
  {
    id: 'POOL-01',
    rule: 'RFC 9112 §9.3',
    level: 'SHOULD',
    title: 'asks twenty times, one after another, over at most two upstream connections',
    deliveries: ['coalesced', 'one byte at a time'],
    run: each(
      {
        'Content-Length': [get('/pool'), reply('ok')],
        chunked: [get('/pool'), head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunked('ok')],
        'only a last chunk': [
          get('/pool'),
          head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunked(),
        ],
        'Content-Length: 0': [get('/pool'), reply('')],
        HEAD: [head('HEAD /pool HTTP/1.1', 'Host: a'), head('HTTP/1.1 200 OK', 'Content-Length: 5')],
        204: [get('/pool'), head('HTTP/1.1 204 No Content')],
        304: [get('/pool'), head('HTTP/1.1 304 Not Modified', 'Content-Length: 5')],
        404: [get('/pool'), head('HTTP/1.1 404 Not Found', 'Content-Length: 2').concat('no')],
        POST: [`${head('POST /pool HTTP/1.1', 'Host: a', 'Content-Length: 5')}hello`, reply('ok')],
      },
      async ({ exchange, origin }, [request = '', response = '']) => {
        const to = request.startsWith('HEAD') ? 'HEAD' : 'GET'
        let client: Client | undefined
        for (let count = 0; count < 20; count++) {
          const done = await exchange(request, response, {
            to,
            ...(client && !client.ending ? { client } : {}),
          })
          complete(done.response)
          client = done.client
        }
        const { length } = origin.connections
        check(length <= 2, `it opened ${length} upstream connections`)
      },
    ),
  },
  {
    id: 'POOL-02',
    rule: 'RFC 9112 §9.3, §9.6',
    level: 'MUST',
    title: 'sends nothing more on an upstream connection that is about to end',
    run: each(
      {
        'Connection: close': reply('ok', 'Connection: close'),
        'close in a list': reply('ok', 'Connection: x-a, Close', 'X-A: 1'),
        'HTTP/1.0': `${head('HTTP/1.0 200 OK', 'Content-Length: 2')}ok`,
        'chunks and close':
          head('HTTP/1.1 200 OK', 'Connection: close', 'Transfer-Encoding: chunked') + chunked('ok'),
      },
      async ({ ask, exchange }, sent) => {
        const { client, exchange: first, response } = await ask(get('/pool/1'))
        check(first !== undefined, 'it answered without asking the origin')
        // And says so, but does not do it yet.
        first.send(sent)
        const received = answered(await response, 200, 'ok')
        const closing = client.ending || /close/i.test(received.all('connection').join())
        const again = closing ? {} : { client }
        const second = await exchange(get('/pool/2'), reply('two'), again)
        answered(second.response, 200, 'two')
        equal(first.connection.requests.length, 1, 'the number of requests on the first upstream connection')
      },
    ),
  },
  {
    id: 'POOL-03',
    rule: 'RFC 9112 §9.3.1',
    level: 'SHOULD',
    title: 'repeats a GET on a new connection when the origin has ended the old one without an answer',
    run: each({ reset: 'reset', closed: 'end' } as const, async ({ connect, exchange, origin }, ending) => {
      const first = await exchange(get('/pool/1'), reply('one'))
      answered(first.response, 200, 'one')
      const client = first.client.ending ? await connect() : first.client
      client.send(get('/pool/2'))
      const second = await origin.request()
      // Who uses no connection twice never comes into this.
      if (second.connection.requests.length > 1) {
        second.connection[ending]()
        const { send } = await origin.request().catch(async (error) => {
          if (!(error instanceof Missed)) throw error
          const { startLine } = await client.response()
          throw new Missed(`it did not ask again, but answered ${startLine}`)
        })
        send(reply('two'))
      } else second.send(reply('two'))
      answered(await client.response(), 200, 'two')
    }),
  },
  {
    id: 'POOL-04',
    rule: 'RFC 9110 §9.2.2, RFC 9112 §9.3.1',
    level: 'MUST',
    title: 'does not repeat a POST that the origin may have acted on',
    run: each(
      {
        'reset, with Content-Length': ['reset', 'Content-Length: 5\r\n\r\nhello'],
        'closed, with Content-Length': ['end', 'Content-Length: 5\r\n\r\nhello'],
        'reset, in chunks': ['reset', `Transfer-Encoding: chunked\r\n\r\n${chunked('hello')}`],
        'reset, without content': ['reset', 'Content-Length: 0\r\n\r\n'],
      },
      async ({ connect, exchange, origin, pass }, [ending = '', content = '']) => {
        const first = await exchange(get('/pool/1'), reply('one'))
        answered(first.response, 200, 'one')
        const client = first.client.ending ? await connect() : first.client
        client.send(`POST /pool/2 HTTP/1.1\r\nHost: a\r\n${content}`)
        const second = await origin.request()
        complete(await second.done(), 'the request at the origin')
        second.connection[ending === 'reset' ? 'reset' : 'end']()
        // It may close instead, and leave it to the client.
        const response = await client.response({ within: 2500 }).catch((error) => {
          if (client.ending) return undefined
          const again = origin.requests.filter(({ target }) => target === '/pool/2').length
          check(again <= 1, `it sent the POST ${again} times`)
          throw error
        })
        if (response) check(response.status >= 500, `the response is ${response.startLine}, not an error`)
        await pass(50)
        const again = origin.requests.filter(({ target }) => target === '/pool/2').length
        equal(again, 1, 'how often the POST came to the origin')
      },
    ),
  },
  {
    id: 'POOL-05',
    rule: 'RFC 9112 §9.5',
    level: 'SHOULD',
    title: 'notices that an idle upstream connection has ended, and does not use it again',
    run: each(
      { closed: 'end', reset: 'reset' } as const,
      async ({ connect, exchange, origin, pass }, ending) => {
        const first = await exchange(get('/pool/1'), reply('one'))
        answered(first.response, 200, 'one')
        const [connection] = origin.connections
        connection?.[ending]()
        if (ending === 'end') {
          // Who notices an end answers with their own.
          await connection?.ended({ within: 1000 }).catch(() => {})
          await pass(50)
        }
        // Of a reset nothing can be seen from here.
        else await pass(500)
        const client = first.client.ending ? await connect() : first.client
        client.send(`${head('POST /pool/2 HTTP/1.1', 'Host: a', 'Content-Length: 5')}hello`)
        const second = await origin.request()
        complete(await second.done(), 'the request at the origin')
        second.send(reply('two'))
        answered(await client.response(), 200, 'two')
        equal(connection?.requests.length, 1, 'the number of requests on the connection that had ended')
      },
    ),
  },
  {
    id: 'POOL-08',
    rule: 'ours: RFC 9110 §4.3.4 makes a connection good for what was verified on it, and for nothing else',
    level: 'MUST',
    title: 'shares no upstream connection between hosts, certificates or addresses that differ',
    unseen:
      'a target stands before one origin here, so there is nothing to share; it is for tests of a pool itself',
    run: unseen,
  },
  {
    id: 'POOL-09',
    rule: 'RFC 9112 §9.6',
    level: 'SHOULD',
    title:
      'ends in order when told to: takes no new connections, finishes what has begun, and lets go of the rest',
    deliveries: ['coalesced'],
    run: {
      'a response in progress': {
        setup: graceful,
        run: async (stage) => {
          const { client, exchange, response } = await stage.ask(get('/pool'))
          check(exchange !== undefined, 'it answered without asking the origin')
          exchange.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 10')}hello`)
          const ended = stage.terminate()
          await takesNoMore(stage)
          exchange.send('world')
          answered(await response, 200, 'helloworld')
          await client.ended()
          await ended
        },
      },
      'a response still to come': {
        setup: graceful,
        run: async (stage) => {
          const { client, exchange, response } = await stage.ask(get('/pool'))
          check(exchange !== undefined, 'it answered without asking the origin')
          const ended = stage.terminate()
          await takesNoMore(stage)
          exchange.send(reply('ok'))
          const options = answered(await response, 200, 'ok')
            .all('connection')
            .join()
          check(/close/i.test(options), 'the last response does not say Connection: close')
          await client.ended()
          await ended
        },
      },
      'idle connections': {
        setup: graceful,
        run: async (stage) => {
          const { client, response } = await stage.exchange(get('/pool'), reply('ok'))
          answered(response, 200, 'ok')
          const silent = await stage.connect()
          const begun = performance.now()
          await Promise.all([stage.terminate(), client.ended(), silent.ended()])
          const took = performance.now() - begun
          soonEnough(took, 1900, `it kept idle connections for ${took.toFixed()} ms`)
        },
      },
      'one that never ends': {
        setup: inAHurry,
        run: async (stage) => {
          const { client, exchange } = await stage.ask(get('/pool'))
          check(exchange !== undefined, 'it answered without asking the origin')
          exchange.send(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'))
          await Promise.all([stage.terminate(), client.ended(), exchange.connection.ended()])
        },
      },
      'a tunnel': {
        setup: inAHurry,
        run: async (stage) => {
          const { client, exchange, response } = await stage.ask(
            get('/pool', 'Connection: Upgrade', 'Upgrade: foo/2'),
          )
          check(exchange !== undefined, 'it answered without asking the origin')
          // Who takes no part in upgrades has no tunnels to end.
          if (!exchange.message.has('upgrade')) exchange.send(reply('ok'))
          else
            exchange.send(head('HTTP/1.1 101 Switching Protocols', 'Connection: Upgrade', 'Upgrade: foo/2'))
          await response
          await Promise.all([stage.terminate(), client.ended(), exchange.connection.ended()])
        },
      },
    },
  },
  {
    id: 'POOL-10',
    rule: 'RFC 9112 §9.3',
    level: 'MUST',
    title: 'uses no upstream connection again whose response it has not read to the end',
    deliveries: ['coalesced'],
    run: each({ close: 'close', reset: 'reset' } as const, async ({ ask, connect, exchange }, leave) => {
      // What the target hears of first is chance.
      for (let round = 0; round < 20; round++) {
        const { client, exchange: first } = await ask(get('/pool/1'))
        check(first !== undefined, 'it answered without asking the origin')
        const { requests } = first.connection
        const before = requests.length
        first.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 1000')}${'x'.repeat(500)}`)
        client[leave]()
        const second = await exchange(get('/pool/2'), reply('two'), { client: await connect() })
        answered(second.response, 200, 'two')
        equal(requests.length - before, 0, 'the number of further requests on the connection that was left')
      }
    }),
  },
  {
    id: 'POOL-11',
    rule: 'RFC 9112 §9.4',
    level: 'SHOULD',
    title: 'asks the origin for several things at a time over several connections',
    deliveries: ['coalesced'],
    async run({ ask }) {
      const asked = []
      for (let count = 0; count < 6; count++) asked.push(await ask(get(`/pool/${count}`)))
      // The last one first: none waits for another.
      for (const { exchange, response } of asked.reverse()) {
        check(exchange !== undefined, 'it answered without asking the origin')
        exchange.send(reply(exchange.message.target))
        answered(await response, 200, exchange.message.target)
      }
    },
  },
  {
    id: 'POOL-12',
    rule: 'ours, after RFC 4559 §6: some schemes authenticate a connection, whoever asks on it',
    level: 'MUST',
    title: 'asks for nobody else on an upstream connection on which a client has logged in',
    deliveries: ['coalesced'],
    run: {
      ...each(schemes, notLent),
      'over TLS': { setup: terminatesTls, run: (stage) => notLent(stage, schemes.NTLM) },
    },
  },
  {
    id: 'POOL-13',
    rule: 'ours, after RFC 4559 §6: a login takes several requests on one connection',
    level: 'SHOULD',
    title: 'asks for a client that logs in on one upstream connection for as long as its own lasts',
    deliveries: ['coalesced'],
    run: each({ NTLM: schemes.NTLM, Negotiate: schemes.Negotiate }, async (stage, scheme) => {
      const { client, first, second } = await login(stage, scheme)
      check(client !== undefined, 'it closed the connection of a client that was logging in')
      equal(second.id, first.id, 'the upstream connection of the second request of a login')
      // Others come and go meanwhile.
      answered((await stage.exchange(get('/pool/bob'), reply('bob'))).response, 200, 'bob')
      const third = await stage.ask(get('/pool/alice/3'), { client })
      check(third.exchange !== undefined, 'it answered without asking the origin')
      third.exchange.send(reply('alice'))
      answered(await third.response, 200, 'alice')
      equal(third.exchange.connection.id, first.id, 'the upstream connection of who has logged in')
    }),
  },
]

interface Login {
  /** Undefined when the target has closed its connection. */
  readonly client: Client | undefined
  /** The upstream connections of the two requests. */
  readonly first: Exchange['connection']
  readonly second: Exchange['connection']
  /** The origin has seen credentials: without them nobody is logged in. */
  readonly seen: boolean
}

/** Credentials, a challenge, and credentials that answer it. */
async function login(stage: Stage, [credentials, status, challenge]: Scheme): Promise<Login> {
  const first = await stage.ask(get('/pool/alice/1', `${credentials} b25l`))
  check(first.exchange !== undefined, 'it answered without asking the origin')
  first.exchange.send(head(`HTTP/1.1 ${status} Who?`, `${challenge} dHdv`, 'Content-Length: 0'))
  answered(await first.response, Number(status))
  const again = first.client.ending ? {} : { client: first.client }
  const second = await stage.ask(get('/pool/alice/2', `${credentials} dGhyZWU=`), again)
  check(second.exchange !== undefined, 'it answered without asking the origin')
  second.exchange.send(reply('alice'))
  answered(await second.response, 200, 'alice')
  return {
    client: second.client.ending ? undefined : second.client,
    first: first.exchange.connection,
    second: second.exchange.connection,
    seen: second.exchange.message.has(credentials.slice(0, credentials.indexOf(':'))),
  }
}

async function notLent(stage: Stage, scheme: Scheme): Promise<void> {
  const { client, first, second, seen } = await login(stage, scheme)
  if (!seen) return
  const asks = async (who: string): Promise<void> => {
    const { exchange, response } = await stage.ask(get(`/pool/${who}`))
    check(exchange !== undefined, 'it answered without asking the origin')
    exchange.send(reply(who))
    answered(await response, 200, who)
    check(
      exchange.connection !== first && exchange.connection !== second,
      `it asked for ${who} on the upstream connection on which alice had logged in`,
    )
  }
  for (let count = 0; count < 5; count++) await asks('bob')
  client?.close()
  for (let count = 0; count < 5; count++) await asks('carol')
}

async function unseen(): Promise<void> {
  throw new Error('nobody can see this from outside')
}

/** Waits until connections are refused, or ended without an answer. */
async function takesNoMore({ connect, pass }: Stage): Promise<void> {
  for (const end = performance.now() + 1500; performance.now() < end; await pass(20)) {
    const client = await connect().catch((error) => {
      if (!(error instanceof Missed)) throw error
      return undefined
    })
    if (!client) return
    client.close()
  }
  throw new Missed('it still accepted connections 1500 ms after it was told to end')
}
