/** What may become of a request that ought not to have been sent: it is refused, or it gets one clear reading. */

import { type Client, type Exchange, type Message, Missed } from '@relayrace/fixtures/wire'
import { reply, type Stage } from './case.ts'
import { answered, check, equal } from './expect.ts'

export interface Refusing {
  /** The statuses that say it. Any from 400 on when absent. */
  readonly statuses?: readonly number[]
  /** Closing without a word says it too. */
  readonly silently?: boolean
  /** The connection has to end. */
  readonly closes?: boolean
}

/** The request is refused. Its head may have reached the origin by then, all of it never. */
export async function refuses(stage: Stage, request: string, refusing: Refusing = {}): Promise<Client> {
  const { client, exchange, response } = await stage.ask(request)
  if (exchange) await neverWhole(exchange)
  await isRefused(client, response, refusing)
  const whole = stage.origin.requests.find(({ verdict }) => verdict === 'complete')
  check(whole === undefined, `the origin received ${whole && shown(whole)}`)
  return client
}

export interface Reading extends Refusing {
  /** The content at the origin, if the request is forwarded. */
  readonly content?: string
  /** Looks at the request at the origin, if it is forwarded. */
  readonly look?: (request: Message) => void
}

/** The request is refused, or reaches the origin with exactly this content under one framing. Then comes another. */
export async function refusesOrReads(stage: Stage, request: string, reading: Reading = {}): Promise<void> {
  const { content = '', look, ...refusing } = reading
  const { client, exchange, response } = await stage.ask(request)
  if (exchange) {
    const arrived = await exchange.done()
    if (arrived.verdict === 'complete') {
      equal(arrived.text, content, 'the content at the origin')
      look?.(arrived)
      exchange.send(reply('ok'))
      answered(await response, 200, 'ok')
    } else {
      await neverWhole(exchange)
      await isRefused(client, response, refusing)
    }
  } else await isRefused(client, response, refusing)
  if (refusing.closes) await client.ended()
  await stage.recover(client)
}

async function neverWhole(exchange: Exchange): Promise<void> {
  const arrived = await exchange.done()
  check(arrived.verdict !== 'complete', `it forwarded ${shown(arrived)}`)
  check(arrived.verdict !== 'malformed', `it forwarded what is malformed: ${arrived.problem}`)
}

async function isRefused(client: Client, response: Promise<Message>, refusing: Refusing): Promise<void> {
  const { statuses, silently = false, closes = false } = refusing
  const answer = await response.catch((error) => {
    // A refusal that was not read in time is lost when the connection is reset; ERR-05 is about that.
    if (error instanceof Missed && (silently ? client.ending : client.ending === 'reset')) return undefined
    throw error
  })
  if (answer && !(silently && !answer.headComplete)) {
    check(
      answer.headComplete && answer.verdict !== 'malformed',
      `the refusal is ${answer.verdict}: ${answer}`,
    )
    const right = statuses ? statuses.includes(answer.status) : answer.status >= 400
    check(right, `the response is ${answer.startLine}, not ${statuses?.join(' or ') ?? 'a refusal'}`)
  }
  // RFC 9112 §9.6. What is sent before the FIN has come is for ERR-13 to judge.
  if (closes || answer?.all('connection').join().toLowerCase() === 'close') await client.ended()
}

const shown = ({ startLine, text }: Message): string =>
  `"${startLine}"${text === '' ? '' : ` with the content ${JSON.stringify(text.slice(0, 100))}`}`
