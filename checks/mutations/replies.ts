/** Replies whose body is a stream. */

import { type Mutation, tests } from './mutation.ts'

const pipe = tests('packages/pipe-proxy', 'promises', 'reply that is')
const duplex = tests('packages/duplex-server', 'promises', 'reply that is')
const handler = tests('packages/fetch-proxy', 'replies')

const life = (breaks: string, old: string, changed: string, seenBy: Mutation['seenBy'] = pipe): Mutation => ({
  file: 'packages/gateway/src/exchange/life.ts',
  breaks,
  old,
  new: changed,
  seenBy,
})
const content = (breaks: string, old: string, changed: string): Mutation => ({
  file: 'packages/gateway/src/exchange/reply.ts',
  breaks,
  old,
  new: changed,
  seenBy: pipe,
})

export const replies: readonly Mutation[] = [
  life(
    'A streamed reply is pulled as fast as it comes, and kept until its client takes it',
    'if (!this.write(piece)) await content.untilTaken()',
    'this.write(piece)',
  ),
  life(
    'A streamed reply goes on, or waits for ever, after its client has left',
    'this.#ended = true\n    this.#content?.stop()',
    'this.#ended = true',
  ),
  life(
    'The source of a streamed reply stays open when the client left while it was made',
    "if ('status' in it) it.content?.stop()\n",
    '',
  ),
  life('The bytes of a streamed reply are not counted', 'this.responseBytes = sent\n', ''),
  life(
    'The source of a streamed reply is blamed on an upstream that nobody has asked',
    "this.#timeDownload(() => !asked, 'gateway')",
    'this.#timeDownload(() => !asked)',
  ),
  life(
    'What onError has streamed is open for ever when the client takes nothing of it',
    'if (this.#error === undefined || this.#content?.stopped !== false) this.fail(error)',
    'if (this.#error === undefined || this.#error !== error) this.fail(error)',
    duplex,
  ),
  life(
    'What onError streams and has no use for stays open',
    'reply?.content?.stop()\n    if (this.#phase',
    'if (this.#phase',
  ),
  content(
    'A streamed reply that is shorter than its Content-Length is not said to be',
    'this.#left !== undefined && this.#left > 0)',
    'this.#left === Number.NaN)',
  ),
  content(
    'A streamed reply that is longer than its Content-Length is taken for whole',
    'if (this.#left > 0) return piece',
    'if (this.#left >= 0) return piece',
  ),
  content(
    'A stream of the Web that says nothing is not cancelled',
    'this.#letGo = () => reader.cancel()',
    'this.#letGo = () => source[Symbol.asyncIterator]().return?.()',
  ),
  content(
    'A file that nobody reads is not closed',
    'this.#letGo = () => node.destroy()',
    'this.#letGo = () => iterator.return?.()',
  ),
  content(
    'A file that is not there ends the process, if it is asked for with HEAD',
    "node.on('error', () => {})",
    '',
  ),
  content('A stream that was sent before is sent as an empty reply', 'if (used.has(once))', 'if (!used)'),
  {
    file: 'packages/gateway/src/exchange/hooks.ts',
    breaks: 'The source of a reply that cannot be sent stays open',
    old: 'letGo(Object(value).body)\n',
    new: '',
    seenBy: pipe,
  },
  {
    file: 'packages/fetch-proxy/src/fetch.ts',
    breaks: 'A streamed reply is read ahead of who reads the Response',
    old: 'this.#reply?.enqueue(piece)\n    return false',
    new: 'this.#reply?.enqueue(piece)\n    return true',
    seenBy: handler,
  },
  {
    file: 'packages/duplex-server/src/exchange.ts',
    breaks: 'duplex-server waits for ever with a streamed reply once its client was slower',
    old: '      this.taken()\n',
    new: '',
    seenBy: duplex,
  },
]
