/** What is the dispatch handler’s own, and the connections that undici is given. */

import { type Mutation, tests } from './mutation.ts'

const file = 'packages/dispatch-proxy/src/asking.ts'

export const dispatchProxy: readonly Mutation[] = [
  {
    file,
    breaks: 'A client that has taken what there was gets no more',
    old: 'if (this.#download?.isHeld === false) this.#controller?.resume()',
    new: '',
    seenBy: tests('packages/dispatch-proxy', 'test/promises', 'a download arrives'),
  },
  {
    file,
    breaks: 'Hooks run in the context of whoever has opened the connection',
    old: 'this.#context === undefined ? work() : this.#context.runInAsyncScope(work)',
    new: 'work()',
    seenBy: tests('packages/dispatch-proxy', 'test/promises', 'in the context that it was called in'),
  },
  {
    file,
    breaks: 'What an interceptor makes of a head is lost',
    old: '(!this.#ask.composed || isDeepStrictEqual(util.parseHeaders(raw), said))',
    new: 'true',
    seenBy: tests('packages/dispatch-proxy', 'test/dispatcher', 'edit heads|unpack content'),
  },
  {
    file,
    breaks: 'What is live waits for the next read',
    old: 'else if (this.#held.length === 1) void readIsUsed.then(() => this.#flush())',
    new: '',
    seenBy: tests('packages/dispatch-proxy', 'test/pieces', 'what is live'),
  },
  {
    file: 'packages/dispatch-proxy/src/request.ts',
    breaks: 'A head that has come with two reads is garbled',
    old: 'if (!lines.every(isWithin)) return',
    new: 'if (lines.length === 0) return',
    seenBy: tests('packages/dispatch-proxy', 'test/pieces', 'a head that comes'),
  },
  {
    file: 'packages/dispatch-proxy/src/dispatch.ts',
    breaks: 'A request that undici has refused keeps its connection for ever',
    old: 'if (watched.refused) use.giveUp(true)',
    new: '',
    seenBy: tests('packages/dispatch-proxy', 'test/dispatcher', 'that undici refuses'),
  },
  {
    file: 'packages/dispatch-proxy/src/pool.ts',
    breaks: 'What waits for a connection that a client has logged in to waits for ever when that breaks',
    old: '      use?.isOver()\n      this.#callNext(key)',
    new: '      use?.isOver()',
    seenBy: tests('packages/gateway', 'test/http2', '^B3 fetch-proxy .*has waited for one'),
  },
  {
    file: 'packages/dispatch-proxy/src/request.ts',
    breaks: 'An upload is sent twice',
    old: "error !== undefined || framing.kind !== 'none')",
    new: 'error !== undefined)',
    seenBy: tests('packages/dispatch-proxy', 'test/pieces', 'went stale'),
  },
  {
    file,
    breaks:
      'The clock of a head goes on while its content comes, if a hook has thought of it when the request ended',
    old: "    exchange.enter('responseBody')\n",
    new: '',
    seenBy: tests('packages/dispatch-proxy', 'test/promises', 'nor when modifyResponse has thought'),
  },
]
