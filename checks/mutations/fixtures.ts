/** What stands around: parsers, payloads, ways to cut. */

import { type Mutation, tests } from './mutation.ts'

export const fixtures: readonly Mutation[] = [
  {
    file: 'fixtures/wire/message.ts',
    breaks: 'The parser of the suite takes a line that ends in LF',
    old: 'if (whole.at(-2) === CR) takeLine',
    new: 'if (whole.at(-2) !== LF) takeLine',
    seenBy: tests('packages/conformance', 'test/message.test'),
  },
  {
    file: 'fixtures/wire/message.ts',
    breaks: 'The parser of the suite takes both framings at once',
    old: 'if (codings.length > 0 && lengths.length > 0) return',
    new: 'if (codings.length > 1 && lengths.length > 0) return',
    seenBy: tests('packages/conformance', 'test/message.test'),
  },
  {
    file: 'fixtures/wire/message.ts',
    breaks: 'A reset completes what the end of the connection ends',
    old: "state === 'close' && how === 'fin'",
    new: "state === 'close'",
    seenBy: tests('packages/conformance', 'test/message.test'),
  },
  {
    file: 'fixtures/wire/message.ts',
    breaks: 'A chunk without its CRLF is complete',
    old: "if (text !== '') malformed('no CRLF after a chunk')",
    new: "if (text === 'x') malformed('no CRLF after a chunk')",
    seenBy: tests('packages/conformance', 'test/message.test'),
  },
  {
    file: 'fixtures/wire/message.ts',
    breaks: 'A response to HEAD is waited for content',
    old: "to === 'HEAD' || status < 200",
    new: 'status < 200',
    seenBy: tests('packages/conformance', 'test/message.test'),
  },
  {
    file: 'fixtures/wire/delivery.ts',
    breaks: 'Random splits are none',
    old: 'Math.floor(random() * bytes.length)',
    new: '0',
    seenBy: tests('packages/conformance', 'test/delivery'),
  },
  {
    file: 'fixtures/wire/delivery.ts',
    breaks: 'Byte by byte is all at once',
    old: 'bytes.length <= bytewise.first + bytewise.last ? bytes.length : bytewise.first',
    new: '0',
    seenBy: tests('packages/conformance', 'test/delivery'),
  },
  {
    file: 'fixtures/payloads/index.ts',
    breaks: 'A lost period of the payload is not seen',
    old: 'export const period = 1_048_583',
    new: 'export const period = 1_048_576',
    seenBy: tests('fixtures', 'payloads/payloads'),
  },
  {
    file: 'fixtures/payloads/index.ts',
    breaks: 'After the first wrong byte a payload is intact again',
    old: 'if (this.intact) {',
    new: '{',
    seenBy: tests('fixtures', 'payloads/payloads'),
  },
  {
    file: 'fixtures/payloads/index.ts',
    breaks: 'Pieces that overlap by a byte pass',
    old: 'position += length\n      this.push(piece)',
    new: 'position += length - 0 * 1\n      this.push(piece.subarray(0, length - 1))',
    seenBy: tests('fixtures', 'payloads/payloads'),
  },
  {
    file: 'fixtures/payloads/size.ts',
    breaks: 'A MiB is a thousand KiB',
    old: 'MiB: 2 ** 20',
    new: 'MiB: 1e6',
    seenBy: tests('fixtures', 'payloads/payloads'),
  },
  {
    file: 'fixtures/held.ts',
    breaks: 'Sockets that are left are not counted',
    old: 'resources: counts(process.getActiveResourcesInfo())',
    new: 'resources: {}',
    seenBy: tests('fixtures', 'held'),
  },
  {
    file: 'fixtures/proc/process.ts',
    breaks: 'The time of children that have ended is told as system time',
    old: 'Number(fields[12])',
    new: 'Number(fields[13])',
    seenBy: tests('fixtures', 'proc/process'),
  },
  {
    file: 'fixtures/payloads/index.ts',
    breaks: 'Right bytes are called wrong once a payload is long',
    old: '      this.#start = (this.#start + length) % period\n',
    new: '      this.#start += length\n',
    seenBy: tests('fixtures', 'payloads/'),
  },
]
