/** TRUNC: a message that was cut off never looks complete. RFC 9112 §8. */

import { gzipSync } from 'node:zlib'
import { delivery, type Message } from '@relayrace/fixtures/wire'
import { type Case, chunks, each, get, head, type Setup, type Stage } from '../case.ts'
import { check, complete, truncated } from '../expect.ts'

const quickSilence: Setup = {
  name: 'with a limit of 500 ms for silence within the response',
  options: { 'timeouts.responseBody': 500 },
}

const whole = delivery('coalesced')
const fiveOfTen = `${head('HTTP/1.1 200 OK', 'Content-Length: 10')}hello`
const chunkedHead = head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked')
const untilClose = `${head('HTTP/1.1 200 OK', 'Connection: close')}hello`
const cutChunks = {
  'after a chunk': chunkedHead + chunks('hello'),
  'inside a chunk': `${chunkedHead}a\r\nhello`,
  'inside the last chunk': `${chunkedHead}${chunks('hello')}0\r\n`,
}

const atOnce = { within: 500 }

export const trunc: readonly Case[] = [
  {
    id: 'TRUNC-01',
    rule: 'RFC 9112 §8',
    level: 'MUST',
    title: 'shows the client that a response with Content-Length was cut off, and pads nothing',
    run: (stage) => cut(stage, fiveOfTen, 'fin'),
  },
  {
    id: 'TRUNC-02',
    rule: 'RFC 9112 §8',
    level: 'MUST',
    title: 'shows the client that a chunked response was cut off, and writes no last chunk of its own',
    run: each(cutChunks, (stage, response) => cut(stage, response, 'fin')),
  },
  {
    id: 'TRUNC-03',
    rule: 'RFC 9112 §8',
    level: 'MUST',
    title: 'shows the client that a response was cut off by a reset',
    run: {
      ...each(
        { ...cutChunks, 'with Content-Length': fiveOfTen, 'until the connection is closed': untilClose },
        (stage, response) => cut(stage, response, 'reset'),
      ),
      'together with the last bytes': (stage) => cut(stage, untilClose, 'reset with the last bytes'),
    },
  },
  {
    id: 'TRUNC-05',
    rule: 'RFC 9112 §8',
    level: 'MUST',
    title: 'shows the client that compressed content was cut off, and finishes no stream of its own',
    async run(stage) {
      const whole = gzipSync('hello world '.repeat(500), { level: 1 }).toString('latin1')
      const half = chunks(whole.slice(0, whole.length / 2))
      const encoded = head('HTTP/1.1 200 OK', 'Content-Encoding: gzip', 'Transfer-Encoding: chunked')
      await cut(stage, encoded + half, 'fin')
    },
  },
  {
    id: 'TRUNC-06',
    rule: 'RFC 9110 §15.6.3',
    level: 'SHOULD',
    title: 'answers 502 or cuts the connection when the origin sends a head and nothing of its content',
    run: (stage) => cut(stage, head('HTTP/1.1 200 OK', 'Content-Length: 10'), 'fin', false),
  },
  {
    id: 'TRUNC-08',
    rule: 'RFC 9112 §8',
    level: 'MUST',
    title: 'never completes upstream the request of a client that died while sending it',
    run: Object.fromEntries(
      (['end', 'close', 'reset'] as const).flatMap((ending) =>
        Object.entries({
          'Content-Length': `${head('POST /trunc HTTP/1.1', 'Host: a', 'Content-Length: 10')}hello`,
          chunked: head('POST /trunc HTTP/1.1', 'Host: a', 'Transfer-Encoding: chunked') + chunks('hello'),
        }).map(([framing, request]) => [
          `${framing}, ${ending}`,
          async ({ connect, origin }: Stage) => {
            const client = await connect()
            client.send(request)
            const asked = await origin.request(atOnce).catch(() => undefined)
            await asked?.body(5)
            client[ending]()
            // One that waits for the whole request before it asks must not ask at all.
            const exchange = asked ?? (await origin.request(atOnce).catch(() => undefined))
            if (exchange) truncated(await exchange.done(), 'the request at the origin')
          },
        ]),
      ),
    ),
  },
  {
    id: 'TRUNC-09',
    rule: 'RFC 9112 §8',
    level: 'MUST',
    title: 'cuts the connection when it fails after the head, and puts no error page into the content',
    setup: quickSilence,
    deliveries: ['coalesced', 'head and body'],
    run: each(
      { 'Content-Length': fiveOfTen, chunked: chunkedHead + chunks('hello') },
      async (stage, response) => {
        const { exchange, response: received } = await stage.ask(get('/trunc'))
        check(exchange !== undefined, 'it answered without asking the origin')
        exchange.send(response)
        brokenOff(await received, 'hello')
        await exchange.connection.ended()
      },
    ),
  },
]

/** The origin sends part of a response and is gone. */
async function cut(
  { ask, frozen }: Stage,
  part: string,
  ending: 'fin' | 'reset' | 'reset with the last bytes',
  mayBeSilent = true,
): Promise<void> {
  const { client, exchange, response } = await ask(get('/trunc', 'Accept-Encoding: gzip'))
  check(exchange !== undefined, 'it answered without asking the origin')
  await exchange.send(part)
  if (ending === 'fin') exchange.connection.end()
  else {
    // A reset takes away what has not been read yet, and then there is nothing to cut off.
    await client.responding(atOnce).catch(() => undefined)
    const { connection, send } = exchange
    if (ending === 'reset') connection.reset()
    else await frozen(() => send('last', whole).then(connection.reset))
  }
  // Closing without any response hides nothing either. Whether that is good enough is for TRUNC-06 to say.
  const silent = (): boolean => client.ending !== undefined && client.received === 0
  const received = await response.catch((error) => {
    if (mayBeSilent && silent()) return undefined
    throw error
  })
  if (!received) return
  brokenOff(received, ending === 'reset with the last bytes' ? `${part}last` : part)
  if (received.verdict === 'incomplete') await client.ended()
}

/** Broken off for everyone to see, or replaced by an honest error before it began. */
function brokenOff(response: Message, sent: string): void {
  if (response.status >= 500) {
    complete(response)
    return
  }
  truncated(response)
  const more = response.bodyLength > 0 && !sent.includes(response.text)
  check(!more, `the content has what the origin never sent: ${JSON.stringify(response.text.slice(-100))}`)
}
