/** TIME: every phase of an exchange has its limit, and only its own. */

import { connect as dial, type Socket } from 'node:net'
import { Worker } from 'node:worker_threads'
import { type Case, chunks, each, get, head, reply, type Setup, type Stage } from '../case.ts'
import { answered, check, complete, equal, refused, truncated } from '../expect.ts'
import { knowing } from '../names.ts'

/** A limit, when it is the case that it strikes. */
const limit = 500
const limited = (phase: string, ms = limit): Setup => ({
  name: `with a limit of ${ms} ms for ${phase}`,
  options: { [`timeouts.${phase}`]: ms },
})

const shortResponseHead = limited('responseHead')
const shortSilence = limited('responseBody', 1000)
const shortRequestHead = limited('requestHead')
const shortIdle = limited('idle')
const shortTotal = limited('total', 1000)
const shortTls: Setup = {
  ...limited('tls'),
  upstream: (origin) => new URL(`https://${origin.host}`),
}
const unknownHost: Setup = {
  name: 'before a host that has no address',
  upstream: () => new URL('http://nowhere.invalid'),
}
const appearingName: Setup = {
  name: 'before a name that has an address only when asked again',
  needs: ['resolver'],
  env: knowing('NXDOMAIN', ['127.0.0.1']),
  upstream: ({ port }) => new URL(`http://appearing.test:${port}`),
}
const failingName: Setup = {
  name: 'before a name whose server fails',
  needs: ['resolver'],
  env: knowing('SERVFAIL'),
  upstream: () => new URL('http://failing.test'),
}
const silentName: Setup = {
  ...limited('dns'),
  needs: ['resolver'],
  env: knowing('silence'),
  upstream: () => new URL('http://silent.test'),
}
const slowFirstAddress: Setup = {
  name: 'before a name of which only the second address answers',
  needs: ['resolver'],
  env: knowing(['127.0.0.2', '127.0.0.1']),
  async upstream({ port }, over) {
    await unansweringPort(over, '127.0.0.2', Number(port))
    return new URL(`http://two.test:${port}`)
  },
}
const nobodyListens: Setup = {
  name: 'before a port nobody listens on',
  upstream: () => new URL('http://127.0.0.1:1'),
}
const localhost: Setup = {
  name: 'before localhost, of which only 127.0.0.1 listens',
  upstream: (origin) => new URL(`http://localhost:${origin.port}`),
}
const blackHole: Setup = {
  ...limited('connect'),
  upstream: (_, over) => unansweringPort(over),
}

export const time: readonly Case[] = [
  {
    id: 'TIME-01',
    rule: 'RFC 9110 §15.6.3',
    level: 'SHOULD',
    title: 'answers 502 or 504 when the name of the origin has no address, and asks anew the next time',
    deliveries: ['coalesced'],
    run: {
      'no such name': {
        setup: unknownHost,
        run: async (stage) => {
          await unresolved(stage, 15_000, 502, 503, 504)
          await unresolved(stage, 15_000, 502, 503, 504)
        },
      },
      'a name that appears': {
        setup: appearingName,
        run: async (stage) => {
          await unresolved(stage, 2000, 502, 503, 504)
          const { response } = await stage.exchange(get('/time/next'), reply('ok'))
          answered(response, 200, 'ok')
        },
      },
      'a server that fails': {
        setup: failingName,
        run: (stage) => unresolved(stage, 2000, 502, 503, 504),
      },
      'a server that is silent': { setup: silentName, run: (stage) => unresolved(stage, 4000, 504) },
    },
  },
  {
    id: 'TIME-02',
    rule: 'RFC 9110 §15.6.5',
    level: 'SHOULD',
    title:
      'answers 502 at once when the connection is refused, 504 in time when nobody answers, and tries every address',
    deliveries: ['coalesced'],
    run: {
      refused: {
        setup: nobodyListens,
        run: async (stage) => {
          const client = await stage.connect()
          client.send(get('/time'))
          refused(await client.response({ within: 2000 }), 502)
        },
      },
      'nobody answers': {
        setup: blackHole,
        run: async (stage) => {
          const client = await stage.connect()
          client.send(get('/time'))
          refused(await client.response(), 504)
        },
      },
      'a first address where nobody answers': {
        setup: slowFirstAddress,
        run: async ({ exchange }) => {
          const { response } = await exchange(get('/time'), reply('ok'))
          answered(response, 200, 'ok')
        },
      },
      localhost: {
        setup: localhost,
        run: async ({ exchange }) => {
          const { response } = await exchange(get('/time'), reply('ok'))
          answered(response, 200, 'ok')
        },
      },
    },
  },
  {
    id: 'TIME-03',
    rule: 'RFC 9110 §15.6.5',
    level: 'SHOULD',
    title:
      'answers 504 when the origin accepts and never answers the TLS handshake, and closes that connection',
    setup: shortTls,
    deliveries: ['coalesced'],
    async run({ connect, origin }) {
      const client = await connect()
      client.send(get('/time'))
      const connection = await origin.connection()
      refused(await client.response(), 504)
      await connection.ended()
    },
  },
  {
    id: 'TIME-04',
    rule: 'RFC 9110 §15.6.5',
    level: 'SHOULD',
    title: 'answers 504 when the origin never answers, closes upstream, and keeps the client',
    setup: shortResponseHead,
    deliveries: ['coalesced', 'head and body'],
    async run({ connect, origin, exchange }) {
      const client = await connect()
      client.send(get('/time'))
      const silent = await origin.request()
      refused(await client.response(), 504)
      await silent.connection.ended()
      const next = await exchange(get('/time/next'), reply('ok'), { client })
      answered(next.response, 200, 'ok')
    },
  },
  {
    id: 'TIME-05',
    rule: 'ours',
    level: 'SHOULD',
    title:
      'measures silence, not duration: content that keeps coming passes, and a pause beyond the limit ends it visibly',
    setup: shortSilence,
    deliveries: ['coalesced'],
    async run({ connect, origin, pass }) {
      const client = await connect()
      client.send(get('/time'))
      const exchange = await origin.request()
      exchange.send(head('HTTP/1.1 200 OK', 'Content-Length: 100'))
      for (let count = 0; count < 8; count++) {
        exchange.send('x')
        await pass(400)
      }
      const cut = truncated(await client.response())
      equal(cut.text, 'xxxxxxxx', 'the content until then')
      await exchange.connection.ended()
    },
  },
  {
    id: 'TIME-06',
    rule: 'ours',
    level: 'MUST',
    title: 'lets an event stream be silent for as long as it likes when silence has no limit',
    setup: shortResponseHead,
    deliveries: ['coalesced'],
    run: each(
      { plain: 'text/event-stream', 'with a parameter': 'text/event-stream; charset=utf-8' },
      async ({ ask, pass }, type) => {
        const { exchange, response } = await ask(get('/time'))
        check(exchange !== undefined, 'it answered without asking the origin')
        exchange.send(head('HTTP/1.1 200 OK', `Content-Type: ${type}`, 'Transfer-Encoding: chunked'))
        await pass(5 * limit)
        exchange.send(`${chunks('data: late\n\n')}0\r\n\r\n`)
        answered(await response, 200, 'data: late\n\n')
      },
    ),
  },
  {
    id: 'TIME-07',
    rule: 'ours',
    level: 'SHOULD',
    title: 'waits for the response head from the end of the request on, however long the upload takes',
    setup: shortResponseHead,
    deliveries: ['coalesced'],
    async run({ connect, origin, pass }) {
      const client = await connect()
      client.send(`${head('POST /time HTTP/1.1', 'Host: a', 'Content-Length: 16')}x`)
      const response = client.response()
      const exchange = await origin.request()
      for (let count = 0; count < 15; count++) {
        await pass(100)
        client.send('x')
      }
      complete(await exchange.done(), 'the request at the origin')
      exchange.send(reply('ok'))
      answered(await response, 200, 'ok')
    },
  },
  {
    id: 'TIME-08',
    rule: 'RFC 9110 §15.5.9',
    level: 'SHOULD',
    title:
      'limits slow heads with 408, closes idle connections in silence, and ends an exchange after its total time',
    deliveries: ['coalesced'],
    run: {
      'a head that never ends': { setup: shortRequestHead, run: dribbling },
      'an idle connection': {
        setup: shortIdle,
        run: async ({ exchange }) => {
          const { client, response } = await exchange(get('/time'), reply('ok'))
          answered(response, 200, 'ok')
          await client.ended()
          equal(client.untaken.length, 0, 'the number of bytes sent before closing')
        },
      },
      'total time': {
        setup: shortTotal,
        run: async ({ ask, pass, signal }) => {
          const { client, exchange, response } = await ask(get('/time'))
          check(exchange !== undefined, 'it answered without asking the origin')
          exchange.send(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked'))
          const flow = async (): Promise<void> => {
            while (!signal.aborted && (await exchange.send(chunks('tick')))) await pass(100)
          }
          flow()
          truncated(await response)
          await client.ended()
          await exchange.connection.ended()
        },
      },
    },
  },
]

async function unresolved({ connect }: Stage, within: number, ...statuses: readonly number[]): Promise<void> {
  const client = await connect()
  client.send(get('/time'))
  refused(await client.response({ within }), ...statuses)
}

async function dribbling({ connect, pass }: Stage): Promise<void> {
  const client = await connect()
  client.send('GET /time HTTP/1.1\r\nHost: a\r\nX-Slow: ')
  const response = client.response()
  for (let count = 0; count < 40 && client.ending === undefined && client.received === 0; count++) {
    await pass(100)
    client.send('x')
  }
  refused(await response, 408)
  await client.ended()
}

/** Listens and never accepts. Once its backlog is full, the kernel drops what else wants to connect. */
async function unansweringPort(over: AbortSignal, host = '127.0.0.1', port = 0): Promise<URL> {
  const program = `
    const { createServer } = require('node:net')
    const { parentPort } = require('node:worker_threads')
    const server = createServer().listen({ port: ${port}, host: '${host}', backlog: 1 }, () => {
      parentPort.postMessage(server.address().port)
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0)
    })`
  const worker = new Worker(program, { eval: true })
  const bound = await new Promise<number>((resolve, reject) => {
    worker.once('message', resolve)
    worker.once('error', reject)
  })
  const fillers: Socket[] = []
  over.addEventListener('abort', () => {
    for (const filler of fillers) filler.destroy()
    worker.terminate()
  })
  do fillers.push(dial({ port: bound, host }).on('error', () => {}))
  while (await connects(fillers.at(-1) as Socket))
  return new URL(`http://${host}:${bound}`)
}

function connects(socket: Socket): Promise<boolean> {
  return new Promise((resolve) => {
    socket.once('connect', () => resolve(true))
    setTimeout(() => resolve(false), 300)
  })
}
