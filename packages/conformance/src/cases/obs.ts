/**
 * OBS: what an intermediary says about an exchange once it is over. Of the targets only those are judged that write one
 * JSON object per exchange to standard output, with `target`, `outcome`, `status`, `endedBy`, `error` (or `errorType`),
 * `requestBytes` and `responseBytes`.
 */

import { type Case, chunked, chunks, each, get, head, type Setup, type Stage } from '../case.ts'
import { answered, check, equal } from '../expect.ts'

export type Line = Readonly<Record<string, unknown>>

export const logging: Setup = { name: 'that writes a log', options: { log: true } }
const loggingInTime: Setup = {
  name: 'that writes a log and has short limits',
  options: { log: true, 'timeouts.responseHead': 300, 'timeouts.responseBody': 300 },
}

export const obs: readonly Case[] = [
  {
    id: 'OBS-01',
    rule: 'ours: one exchange, one line',
    level: 'SHOULD',
    needs: ['log'],
    title:
      'says once of every exchange how it ended, with which status, and how much content went either way',
    deliveries: ['coalesced', 'random splits'],
    run: {
      completed: {
        setup: logging,
        run: async (stage) => {
          const path = unique(stage)
          const { response } = await stage.exchange(
            `${head(`POST ${path} HTTP/1.1`, 'Host: a', 'Content-Length: 5')}hello`,
            head('HTTP/1.1 201 Created', 'Transfer-Encoding: chunked') + chunked('one', 'more'),
          )
          answered(response, 201, 'onemore')
          const line = await stage.logged(path)
          says(line, { outcome: 'completed', status: 201, requestBytes: 5, responseBytes: 7 })
        },
      },
      refused: {
        setup: logging,
        run: async (stage) => {
          const path = unique(stage)
          const { response } = await stage.ask(head(`GET ${path} HTTP/1.1`, 'Host: a', 'Host: b'))
          equal((await response).status, 400, 'the status of the response')
          says(await stage.logged(path), { outcome: 'refused', status: 400, endedBy: 'client' })
        },
      },
      'the client left': {
        setup: logging,
        run: async (stage) => {
          const path = unique(stage)
          const { client, exchange } = await stage.ask(get(path))
          client.close()
          await exchange?.connection.ended()
          says(await stage.logged(path), { outcome: 'aborted', status: 499, endedBy: 'client' })
        },
      },
      'the origin reset': {
        setup: logging,
        run: async (stage) => {
          const path = unique(stage)
          const { exchange, response } = await stage.ask(get(path))
          exchange?.connection.reset()
          answered(await response, 502)
          says(await stage.logged(path), { outcome: 'failed', status: 502, endedBy: 'upstream' })
        },
      },
      'the origin cut off its response': {
        setup: logging,
        run: async (stage) => {
          const path = unique(stage)
          const { client, exchange } = await stage.ask(get(path))
          await exchange?.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 10')}hello`)
          // A reset might take the head away before it was read.
          exchange?.connection.end()
          await client.ended()
          const line = await stage.logged(path)
          says(line, { outcome: 'failed', endedBy: 'upstream', error: 'http_response_incomplete' })
        },
      },
      'the origin took too long to answer': {
        setup: loggingInTime,
        run: async (stage) => {
          const path = unique(stage)
          const { response } = await stage.ask(get(path))
          answered(await response, 504)
          const line = await stage.logged(path)
          says(line, {
            outcome: 'failed',
            status: 504,
            endedBy: 'upstream',
            error: 'http_response_timeout',
          })
        },
      },
      'the origin fell silent': {
        setup: loggingInTime,
        run: async (stage) => {
          const path = unique(stage)
          const { client, exchange } = await stage.ask(get(path))
          exchange?.send(`${head('HTTP/1.1 200 OK', 'Content-Length: 10')}hello`)
          await client.ended()
          const line = await stage.logged(path)
          says(line, { outcome: 'failed', endedBy: 'upstream', error: 'connection_read_timeout' })
        },
      },
    },
  },
  {
    id: 'OBS-02',
    rule: 'ours: both sides of an exchange end, but one of them ends first',
    level: 'SHOULD',
    needs: ['log'],
    title: 'says of an exchange that broke off who died first',
    setup: logging,
    deliveries: ['coalesced'],
    run: each(
      {
        'the client, in the response': { who: 'client', ending: 'close' },
        'the client, with a reset': { who: 'client', ending: 'reset' },
        'the origin, in the response': { who: 'upstream', ending: 'close' },
        'the origin, with a reset': { who: 'upstream', ending: 'reset' },
      } as const,
      async (stage, { who, ending }) => {
        const path = unique(stage)
        const { client, exchange } = await stage.ask(get(path))
        check(exchange !== undefined, 'it answered without asking the origin')
        const { connection } = exchange
        await exchange.send(head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked') + chunks('hello'))
        // A reset would take away what is still on its way.
        await (await client.responding()).body(1)
        const [first, second] = who === 'client' ? [client, connection] : [connection, client]
        first[ending]()
        await second.ended()
        equal((await stage.logged(path)).endedBy, who, 'endedBy in the log')
      },
    ),
  },
  {
    id: 'OBS-03',
    rule: 'ours: what is counted up is counted down',
    level: 'MAY',
    title: 'counts open sockets, waiting requests and tunnels, and all counts return to zero',
    unseen:
      'counts are inside of a program; that its sockets are gone is seen after every run, and that its log has a line for every exchange in OBS-01',
    run: async () => {
      throw new Error('nobody can see this from outside')
    },
  },
]

/** A log goes on from run to run. */
export function unique({ random }: Stage): string {
  return `/obs/${Math.floor(random() * 1e9)}-${performance.now().toFixed()}`
}

export function says(line: Line, expected: Line): void {
  for (const [name, value] of Object.entries(expected)) {
    const said = name === 'error' ? (line.error ?? line.errorType) : line[name]
    equal(said, value, `${name} in the log`)
  }
}
