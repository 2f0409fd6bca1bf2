/** SMUG: what two parsers could read differently. RFC 9112 §2.2, §5, §6.3, §7.1 and §11. */

import { quietly } from '@relayrace/fixtures/wire'
import { type Case, chunked, each, get, head, reply, type Stage } from '../case.ts'
import { answered, check, complete, equal, lacks, values } from '../expect.ts'
import { refuses, refusesOrReads } from '../refusal.ts'

/** What an attacker would like to be read as a request of its own. */
const smuggled = get('/smuggled')
const inChunks = chunked(smuggled)

const post = (...fields: readonly string[]): string => head('POST /smug HTTP/1.1', 'Host: a', ...fields)
const withChunks = (chunks: string): string => post('Transfer-Encoding: chunked') + chunks

const atOrigin = 'the request at the origin'
const faulty = { statuses: [400], closes: true } as const

export const smug: readonly Case[] = [
  {
    id: 'SMUG-01',
    rule: 'RFC 9112 §6.1, §6.3',
    level: 'MUST',
    title:
      'refuses a request with both Content-Length and Transfer-Encoding, or reads its chunks alone, and closes after it',
    run: each(
      {
        'Content-Length first': ['Content-Length: 6', 'Transfer-Encoding: chunked'],
        'Transfer-Encoding first': ['Transfer-Encoding: chunked', 'Content-Length: 6'],
        'in capitals': ['Content-Length: 6', 'TRANSFER-ENCODING: CHUNKED'],
        'with tabs': ['Content-Length: 6', 'Transfer-Encoding:\tchunked\t'],
        'the length of all of it': [`Content-Length: ${inChunks.length}`, 'Transfer-Encoding: chunked'],
        'a length of nothing': ['Content-Length: 0', 'Transfer-Encoding: chunked'],
      },
      (stage, fields) =>
        refusesOrReads(stage, post(...fields) + inChunks, {
          content: smuggled,
          closes: true,
          statuses: [400, 501],
        }),
    ),
  },
  {
    id: 'SMUG-02',
    rule: 'RFC 9112 §6.3',
    level: 'MUST',
    title: 'refuses lengths that differ, and forwards one that is repeated once at most',
    run: {
      ...each(
        {
          'two lines': ['Content-Length: 5', 'Content-Length: 32'],
          'two lines, the larger first': ['Content-Length: 32', 'Content-Length: 5'],
          'in one line': ['Content-Length: 5, 32'],
          'three, two of them equal': ['Content-Length: 5', 'Content-Length: 5', 'Content-Length: 32'],
        },
        async (stage, fields) => {
          await refuses(stage, `${post(...fields)}hello${smuggled}`, faulty)
        },
      ),
      ...each(
        {
          'the same twice': ['Content-Length: 5', 'Content-Length: 5'],
          'the same twice in one line': ['Content-Length: 5, 5'],
        },
        (stage, fields) =>
          refusesOrReads(stage, `${post(...fields)}hello`, {
            content: 'hello',
            statuses: [400],
            look: (request) => values(request, 'content-length', ['5'], atOrigin),
          }),
      ),
    },
  },
  {
    id: 'SMUG-03',
    rule: 'RFC 9112 §6.3',
    level: 'MUST',
    title: 'answers 400 to a Content-Length that is no number, and closes',
    run: each(
      {
        plus: '+5',
        minus: '-1',
        hexadecimal: '0x5',
        underscore: '5_0',
        space: '5 0',
        'no digit': '',
        fraction: '5.0',
        exponent: '5e0',
        'digits of another script': '\xd9\xa5',
        'empty list member': '5,',
      },
      async (stage, length) => {
        await refuses(stage, `${post(`Content-Length: ${length}`)}hello`, faulty)
      },
    ),
  },
  {
    id: 'SMUG-04',
    rule: 'RFC 9112 §6.1, §6.3',
    level: 'MUST',
    title: 'refuses a transfer coding that it does not know or that does not end in chunks, and closes',
    run: each(
      {
        'another one last': ['chunked, identity'],
        identity: ['identity'],
        misspelt: ['xchunked'],
        'chunked twice': ['chunked, chunked'],
        gzip: ['gzip'],
        'two lines': ['chunked', 'identity'],
        'a control character': ['\x0bchunked'],
        quoted: ['"chunked"'],
        'no separator': ['chunked gzip'],
        empty: [''],
      },
      async (stage, codings) => {
        const fields = codings.map((coding) => `Transfer-Encoding: ${coding}`)
        await refuses(stage, post(...fields) + inChunks, { statuses: [400, 501], closes: true })
      },
    ),
  },
  {
    id: 'SMUG-05',
    rule: 'RFC 9112 §6.1',
    level: 'MUST',
    title:
      'takes Transfer-Encoding in HTTP/1.0 for a fault: refuses it or reads its chunks, and closes after it',
    run: each({ alone: [], 'beside Content-Length': ['Content-Length: 6'] }, (stage, fields) =>
      refusesOrReads(
        stage,
        head(
          'POST /smug HTTP/1.0',
          'Host: a',
          'Connection: keep-alive',
          ...fields,
          'Transfer-Encoding: chunked',
        ) + inChunks,
        { content: smuggled, closes: true },
      ),
    ),
  },
  {
    id: 'SMUG-06',
    rule: 'RFC 9112 §2.2',
    level: 'SHOULD',
    title: 'refuses a line that ends in LF alone, or writes CRLF in its place',
    run: each(
      {
        'after the request line': ['GET /smug HTTP/1.1\nHost: a\r\n\r\n', ''],
        'after a field': ['GET /smug HTTP/1.1\r\nHost: a\r\nX-A: 1\nX-B: 2\r\n\r\n', ''],
        'as the empty line': ['POST /smug HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\nhello', 'hello'],
        'after a chunk size': [withChunks('5\nhello\r\n0\r\n\r\n'), 'hello'],
        'after a chunk': [withChunks('5\r\nhello\n0\r\n\r\n'), 'hello'],
        'after the last chunk': [withChunks('5\r\nhello\r\n0\n\r\n'), 'hello'],
        'after a trailer': [withChunks('5\r\nhello\r\n0\r\nX-T: 1\n\r\n'), 'hello'],
      },
      (stage, [request = '', content = '']) =>
        refusesOrReads(stage, request, { content, silently: true, look: ({ head }) => noBare(head) }),
    ),
  },
  {
    id: 'SMUG-07',
    rule: 'ours: RFC 9112 §3 knows no request line without a version',
    level: 'MUST',
    title: 'does not make an HTTP/1.1 request of one that names no version, as HTTP/0.9 did',
    run: each(
      {
        'with fields': ['GET /smug\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello'],
        'without fields': ['GET /smug\r\n\r\n'],
        'with HTTP/0.9': ['GET /smug HTTP/0.9\r\nHost: a\r\n\r\n'],
      },
      async (stage, [request = '']) => {
        await refuses(stage, request, { silently: true, statuses: [400, 426, 501, 505], closes: true })
      },
    ),
  },
  {
    id: 'SMUG-08',
    rule: 'RFC 9110 §5.5, RFC 9112 §2.2',
    level: 'MUST',
    title: 'refuses NUL and bare CR in a head, or replaces them with spaces',
    run: each(
      {
        'NUL in a value': 'X-A: 1\x002',
        'CR in a value': 'X-A: 1\r2',
        'CR before a value': 'X-A:\r1',
        'CR and a field': 'X-A: 1\rTransfer-Encoding: chunked',
        'CR before CRLF': 'X-A: 1\r',
        'NUL in a name': 'X-\x00A: 1',
        'CR in a name': 'X-\rA: 1',
      },
      (stage, line) =>
        refusesOrReads(stage, get('/smug', line, 'X-B: 3'), {
          statuses: [400],
          look: (request) => {
            noBare(request.head)
            lacks(request, 'transfer-encoding', atOrigin)
            values(request, 'x-b', ['3'], atOrigin)
          },
        }),
    ),
  },
  {
    id: 'SMUG-09',
    rule: 'RFC 9112 §2.2, §5.1',
    level: 'MUST',
    title:
      'refuses space before the colon of a request field, and forwards neither it nor a line before the fields',
    run: {
      ...each(
        {
          'Content-Length :': ['Content-Length : 5', 'hello'],
          'Transfer-Encoding :': ['Transfer-Encoding : chunked', inChunks],
          'a tab before the colon': ['X-A\t: 1', ''],
        },
        async (stage, [line = '', content = '']) => {
          await refuses(stage, get('/smug', line) + content, { statuses: [400] })
        },
      ),
      ...each(
        {
          'space before the first field': 'GET /smug HTTP/1.1\r\n X-A: 1\r\nHost: a\r\nX-B: 3\r\n\r\n',
        },
        (stage, request) =>
          refusesOrReads(stage, request, {
            look: (arrived) => {
              lacks(arrived, 'x-a', atOrigin)
              values(arrived, 'x-b', ['3'], atOrigin)
            },
          }),
      ),
      'space before the colon in a response': async ({ exchange, recover }) => {
        const { client, response } = await exchange(get('/smug'), reply('ok', 'X-A : 1', 'X-B: 3'))
        complete(response)
        if (response.status !== 502) values(answered(response, 200, 'ok'), 'x-b', ['3'], 'the response')
        await recover(client)
      },
    },
  },
  {
    id: 'SMUG-10',
    rule: 'RFC 9112 §5.2',
    level: 'MUST',
    title: 'refuses a folded field line, or unfolds it before it reads or forwards it',
    run: {
      ...each(
        {
          'a value': [get('/smug', 'X-A: 1\r\n 2', 'X-B: 3'), ''],
          'a tab': [get('/smug', 'X-A: 1\r\n\t2', 'X-B: 3'), ''],
          'the start of a value': [get('/smug', 'X-A:\r\n 1', 'X-B: 3'), ''],
          'an empty continuation': [get('/smug', 'X-A: 1\r\n ', 'X-B: 3'), ''],
          'what looks like a field': [get('/smug', 'X-A: 1\r\n Content-Length: 5', 'X-B: 3'), ''],
          'Transfer-Encoding': [post('Transfer-Encoding:\r\n chunked', 'X-B: 3') + inChunks, smuggled],
          'Content-Length': [`${post('Content-Length:\r\n 5', 'X-B: 3')}hello`, 'hello'],
        },
        (stage, [request = '', content = '']) =>
          refusesOrReads(stage, request, {
            content,
            statuses: [400, 501],
            look: (arrived) => {
              check(!/\r\n[ \t]/.test(arrived.head), 'it forwarded the fold')
              values(arrived, 'x-b', ['3'], atOrigin)
            },
          }),
      ),
      'in a response': async ({ exchange, recover }) => {
        const { client, response } = await exchange(get('/smug'), reply('ok', 'X-A: 1\r\n 2', 'X-B: 3'))
        complete(response)
        if (response.status !== 502) {
          values(answered(response, 200, 'ok'), 'x-b', ['3'], 'the response')
          equal(response.all('x-a').join().replace(/ +/g, ' '), '1 2', 'the unfolded value in the response')
        }
        await recover(client)
      },
    },
  },
  {
    id: 'SMUG-11',
    rule: 'RFC 9112 §7.1',
    level: 'MUST',
    title: 'never completes upstream a request whose chunks make no sense',
    run: each(
      {
        'a size beyond 64 bits': '10000000000000005\r\nhello\r\n0\r\n\r\n',
        'a size with 0x': '0x5\r\nhello\r\n0\r\n\r\n',
        'a size with a sign': '-5\r\nhello\r\n0\r\n\r\n',
        'a size with a plus': '+5\r\nhello\r\n0\r\n\r\n',
        'no size': '\r\nhello\r\n0\r\n\r\n',
        'a size with a letter after f': '5g\r\nhello\r\n0\r\n\r\n',
        'an underscore in a size': '1_0\r\n0123456789012345\r\n0\r\n\r\n',
        'no CRLF after a chunk': '5\r\nhello0\r\n\r\n',
        'other bytes in place of the CRLF': '5\r\nhelloAB0\r\n\r\n',
        'more content than the size says': `5\r\nhello!\r\n0\r\n\r\n`,
        'a NUL in a size': '5\x00\r\nhello\r\n0\r\n\r\n',
      },
      async (stage, chunks) => {
        await refuses(stage, withChunks(chunks), { silently: true, closes: true })
      },
    ),
  },
  {
    id: 'SMUG-13',
    rule: 'RFC 9112 §6.3',
    level: 'MUST',
    title:
      'answers 502 for a response whose framing contradicts itself, or gives it the one reading that is allowed',
    run: {
      ...each(
        {
          'lengths that differ': ['Content-Length: 2', 'Content-Length: 3'],
          'lengths that differ in one line': ['Content-Length: 2, 3'],
          'a length that is no number': ['Content-Length: 2x'],
          'a negative length': ['Content-Length: -2'],
          'a length with a sign': ['Content-Length: +2'],
          'an empty length': ['Content-Length:'],
        },
        async ({ ask, recover }, fields) => {
          const { client, exchange, response } = await ask(get('/smug'))
          check(exchange !== undefined, 'it answered without asking the origin')
          exchange.send(`${head('HTTP/1.1 200 OK', ...fields)}oke`)
          answered(await response, 502)
          await exchange.connection.ended()
          await recover(client)
        },
      ),
      ...each(
        {
          'the same length twice': `${head('HTTP/1.1 200 OK', 'Content-Length: 2', 'Content-Length: 2')}ok`,
          'a length and chunks': `${head('HTTP/1.1 200 OK', 'Content-Length: 7', 'Transfer-Encoding: chunked')}${chunked('ok')}`,
          'chunked twice': `${head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', 'Transfer-Encoding: chunked')}${chunked('ok')}`,
        },
        async ({ exchange, recover }, sent) => {
          const { client, response } = await exchange(get('/smug'), sent)
          complete(response)
          if (response.status !== 502) answered(response, 200, 'ok')
          await recover(client)
        },
      ),
      ...each(
        { 'a coding unheard of': 'x-unheard', 'chunks that do not come last': 'chunked, x-unheard' },
        unheardOf,
      ),
    },
  },
  {
    id: 'SMUG-14',
    rule: 'RFC 9112 §6.3, §11.1',
    level: 'MUST',
    title: 'never gives another request what came after the end of a response',
    deliveries: ['coalesced'],
    run: {
      'in the same segment': async ({ ask, pass, recover }) => {
        const { client, exchange, response } = await ask(get('/smug'))
        check(exchange !== undefined, 'it answered without asking the origin')
        exchange.send(reply('ok') + reply('evil'))
        answered(await response, 200, 'ok')
        await pass(20)
        await recover(client)
      },
      'in the same segment, with the next request waiting': async ({ connect, origin, recover }) => {
        const client = await connect()
        client.send(get('/smug/1') + get('/smug/2'))
        const first = await origin.request()
        first.send(reply('ok') + reply('evil'))
        answered(await client.response(), 200, 'ok')
        const serving = quietly(origin.request().then(({ send }) => send(reply('two'))))
        // It may have given the client up, or answer 502.
        const second = await client.response().catch((error) => {
          if (client.ending) return undefined
          throw error
        })
        if (!second || second.status >= 500) return
        answered(second, 200, 'two')
        await serving
        await recover(client)
      },
      'while the connection is idle': async ({ ask, pass, recover }) => {
        const { client, exchange, response } = await ask(get('/smug'))
        check(exchange !== undefined, 'it answered without asking the origin')
        exchange.send(reply('ok'))
        answered(await response, 200, 'ok')
        await pass(60)
        await exchange.connection.send(reply('evil'))
        await pass(60)
        await recover(client)
      },
      // What comes after the next request was written, its answer might be. So it begins before, and then goes on.
      'beginning while the connection is idle, going on after the next request was written': async ({
        ask,
        connect,
        origin,
        pass,
      }) => {
        const { client, exchange, response } = await ask(get('/smug/1'))
        check(exchange !== undefined, 'it answered without asking the origin')
        const evil = reply('evil')
        exchange.send(reply('ok'))
        answered(await response, 200, 'ok')
        await exchange.connection.send(evil.slice(0, 20))
        await pass(60)
        const next = client.ending ? await connect() : client
        next.send(head('POST /smug/2 HTTP/1.1', 'Host: a', 'Content-Length: 0'))
        const asked = await origin.request()
        await exchange.connection.send(evil.slice(20))
        asked.send(reply('two'))
        answered(await next.response(), 200, 'two')
      },
      'to another client': async ({ ask, connect, pass, recover }) => {
        const { exchange, response } = await ask(get('/smug'))
        check(exchange !== undefined, 'it answered without asking the origin')
        exchange.send(reply('ok') + reply('evil'))
        answered(await response, 200, 'ok')
        await pass(20)
        await recover(await connect())
      },
    },
  },
  {
    id: 'SMUG-15',
    rule: 'RFC 9110 §5.5',
    level: 'SHOULD',
    title: 'keeps other control characters of a request field from the origin',
    run: each(
      { '0x01': '\x01', '0x08': '\x08', '0x0b': '\x0b', '0x1f': '\x1f', DEL: '\x7f' },
      (stage, character) =>
        refusesOrReads(stage, get('/smug', `X-A: 1${character}2`, 'X-B: 3'), {
          statuses: [400],
          look: (request) => values(request, 'x-b', ['3'], atOrigin),
        }),
    ),
  },
  {
    id: 'SMUG-16',
    rule: 'RFC 9112 §2.3, §3',
    level: 'SHOULD',
    title: 'refuses a version that is none, and one whose major number it does not speak',
    run: each(
      {
        'in lower case': 'http/1.1',
        'two digits': 'HTTP/1.10',
        'no minor': 'HTTP/1',
        'text after it': 'HTTP/1.1x',
        'another name': 'HTTPS/1.1',
        'major 2': 'HTTP/2.0',
        'major 3': 'HTTP/3.1',
        'a comma': 'HTTP/1,1',
      },
      async (stage, version) => {
        await refuses(stage, head(`GET /smug ${version}`, 'Host: a'), { silently: true })
      },
    ),
  },
  {
    id: 'SMUG-17',
    rule: 'RFC 9112 §2.2',
    level: 'SHOULD',
    title: 'ignores an empty line before a request line',
    async run({ exchange }) {
      const first = await exchange(`\r\n${get('/smug/1')}`, reply('one'))
      answered(first.response, 200, 'one')
      const second = await exchange(`\r\n${get('/smug/2')}`, reply('two'), { client: first.client })
      answered(second.response, 200, 'two')
    },
  },
  {
    id: 'SMUG-18',
    rule: 'RFC 9110 §6.5.1',
    level: 'MUST',
    title: 'lets no trailer take part in framing, routing or authentication',
    run: each(
      {
        'Content-Length': 'Content-Length: 50',
        'Transfer-Encoding': 'Transfer-Encoding: gzip',
        Host: 'Host: evil.example',
        Authorization: 'Authorization: Basic ZXZpbA==',
        Connection: 'Connection: X-B',
      },
      (stage, trailer) => {
        const [name = ''] = trailer.split(':')
        const request = `${post('Transfer-Encoding: chunked', 'X-B: 3')}5\r\nhello\r\n0\r\n${trailer}\r\n\r\n`
        return refusesOrReads(stage, request, {
          content: 'hello',
          silently: true,
          look: (arrived) => {
            const value = trailer.slice(name.length + 2)
            check(!arrived.all(name).includes(value), `${atOrigin} has the trailer as a field: ${trailer}`)
            values(arrived, 'x-b', ['3'], atOrigin)
          },
        })
      },
    ),
  },
  {
    id: 'SMUG-19',
    rule: 'RFC 9110 §7.6.1',
    level: 'MUST',
    title: 'keeps content framed when Connection nominates the field that frames it',
    run: each(
      {
        'Content-Length': [`Content-Length: ${smuggled.length}`, smuggled],
        'Transfer-Encoding': ['Transfer-Encoding: chunked', inChunks],
      },
      (stage, [field = '', content = '']) =>
        refusesOrReads(stage, post(`Connection: keep-alive, ${field.split(':')[0]}`, field) + content, {
          content: smuggled,
        }),
    ),
  },
  {
    id: 'SMUG-20',
    rule: 'RFC 9112 §2.2, §7.1.1',
    level: 'SHOULD',
    title: 'refuses a chunk extension with a line ending in it, and never forwards it',
    run: each(
      {
        'a bare LF': '5;a\nhello\r\n0\r\n\r\n',
        'a bare LF in quotes': '5;a="\n"\r\nhello\r\n0\r\n\r\n',
        'a bare CR': '5;a\rb\r\nhello\r\n0\r\n\r\n',
        'a NUL': '5;a\x00\r\nhello\r\n0\r\n\r\n',
      },
      async (stage, chunks) => {
        await refuses(stage, withChunks(chunks), { silently: true, closes: true })
      },
    ),
  },
  {
    id: 'SMUG-21',
    rule: 'RFC 9112 §7.1, §7.1.1',
    level: 'MUST',
    title: 'refuses a chunk size in an unusual spelling, or writes it anew',
    run: each(
      {
        'leading zeros': '00000000000000000005\r\nhello\r\n0\r\n\r\n',
        'space before an extension': '5 ;a=b\r\nhello\r\n0\r\n\r\n',
        'space after it': '5 \r\nhello\r\n0\r\n\r\n',
        'a tab after it': '5\t\r\nhello\r\n0\r\n\r\n',
        'space before it': ' 5\r\nhello\r\n0\r\n\r\n',
        'a last chunk of many zeros': '5\r\nhello\r\n00000\r\n\r\n',
        'a last chunk with an extension': '5\r\nhello\r\n0;a=b\r\n\r\n',
      },
      (stage, chunks) => refusesOrReads(stage, withChunks(chunks), { content: 'hello', silently: true }),
    ),
  },
  {
    id: 'SMUG-22',
    rule: 'RFC 9110 §8.6',
    level: 'MUST',
    title: 'is not misled by a Content-Length beyond what its numbers can hold',
    run: each(
      {
        '2^32': '4294967296',
        '2^64': '18446744073709551616',
        '2^64 + 5': '18446744073709551621',
        'a hundred digits': '9'.repeat(100),
      },
      async ({ ask, origin }, length) => {
        const { client, exchange, response } = await ask(
          `${post(`Content-Length: ${length}`)}hello${smuggled}`,
        )
        if (exchange) {
          values(exchange.message, 'content-length', [length], atOrigin)
          await exchange.body(5 + smuggled.length)
          client.close()
          equal((await exchange.done()).verdict, 'incomplete', 'the verdict on the request at the origin')
        } else {
          // Who collects all content first is still waiting for it.
          const answer = await response.catch(() => undefined)
          if (answer) {
            check([400, 413].includes(answer.status), `the response is ${answer.startLine}, not 400 or 413`)
            await client.ended()
          }
        }
        equal(origin.requests.length, exchange ? 1 : 0, 'the number of requests at the origin')
      },
    ),
  },
  {
    id: 'SMUG-23',
    rule: 'RFC 9112 §2.2, §5',
    level: 'SHOULD',
    title: 'refuses a head with a line that is no field, or forwards it without',
    run: each(
      {
        'no name': get('/smug', ': 1', 'X-B: 3'),
        'space in a name': get('/smug', 'X- A: 1', 'X-B: 3'),
        'no colon': get('/smug', 'X-A', 'X-B: 3'),
        'a name in quotes': get('/smug', '"X-A": 1', 'X-B: 3'),
        'a name with obs-text': get('/smug', 'X-\xe9: 1', 'X-B: 3'),
      },
      (stage, request) =>
        refusesOrReads(stage, request, {
          look: (arrived) => {
            lacks(arrived, 'x-a', atOrigin)
            values(arrived, 'x-b', ['3'], atOrigin)
          },
        }),
    ),
  },
]

/** RFC 9112 §6.3: such a response ends with the connection. What the coding means, nobody here knows. */
async function unheardOf({ ask, recover }: Stage, coding: string): Promise<void> {
  const { client, exchange, response } = await ask(get('/smug'))
  check(exchange !== undefined, 'it answered without asking the origin')
  exchange.send(`${head('HTTP/1.1 200 OK', `Transfer-Encoding: ${coding}`)}2\r\nok\r\n0\r\n\r\n`)
  exchange.connection.end()
  const received = await response
  if (received.status === 502) {
    answered(received, 502)
    await recover(client)
    return
  }
  const kept = received.all('transfer-encoding').join() === coding
  check(kept, `the response is ${received.startLine} without its coding`)
  lacks(received, 'content-length', 'a response with another transfer coding')
  await client.ended()
}

function noBare(head: string): void {
  check(
    !/\r(?!\n)|(?<!\r)\n|\0/.test(head),
    `it forwarded a bare line ending or NUL: ${JSON.stringify(head)}`,
  )
}
