/** What is the fetch handler’s own. */

import { type Mutation, tests } from './mutation.ts'

export const fetchProxy: readonly Mutation[] = [
  {
    file: 'packages/fetch-proxy/src/fetch.ts',
    breaks: 'One exchange more than the limit is begun',
    old: 'inFlight.size > settings.limits.exchanges',
    new: 'inFlight.size > settings.limits.exchanges + 1',
    seenBy: tests('packages/fetch-proxy', 'test/fetch.test'),
  },
  {
    file: 'packages/gateway/src/exchange/life.ts',
    breaks: 'The timer of the whole exchange is never cleared',
    old: 'clearTimeout(this.#totalTimer)\n    this.#stopPhases()',
    new: 'this.#stopPhases()',
    seenBy: tests('packages/fetch-proxy', 'test/fetch.test'),
  },
  {
    file: 'packages/fetch-proxy/src/fetch.ts',
    breaks: 'A listener is left on request.signal',
    old: "this.#asked.signal.removeEventListener('abort', this.clientLeft)\n",
    new: '',
    seenBy: tests('packages/fetch-proxy', 'test/fetch.test'),
  },
  {
    file: 'packages/gateway/src/exchange/in-flight.ts',
    breaks: 'The timer of the grace runs on after the close',
    old: 'await empty\n    clearTimeout(timer)',
    new: 'await empty',
    seenBy: tests('packages/fetch-proxy', 'test/fetch.test'),
  },
  {
    file: 'packages/gateway/src/exchange/life.ts',
    breaks: 'An upload of exactly its limit is refused',
    old: 'if (bytes > this.settings.limits.requestBody)',
    new: 'if (bytes >= this.settings.limits.requestBody)',
    seenBy: tests('packages/fetch-proxy', 'test/fetch.test'),
  },
  {
    file: 'packages/fetch-proxy/src/fetch.ts',
    breaks: 'A packed answer that was unpacked still says it is packed',
    old: "fields.delete('content-encoding')\n",
    new: '',
    seenBy: tests('packages/fetch-proxy', 'test/fetch.test'),
  },
  {
    file: 'packages/gateway/src/exchange/life.ts',
    breaks: 'Clocks of bodies go on after the end',
    old: 'clearTimeout(this.#phaseTimer)\n    this.#requestClock?.stop()\n    this.#responseClock?.stop()',
    new: 'clearTimeout(this.#phaseTimer)',
    seenBy: tests('packages/fetch-proxy', 'test/fetch.test'),
  },
  {
    file: 'packages/fetch-proxy/src/fetch.ts',
    breaks: 'A redirect is followed for the client',
    old: "redirect: 'manual'",
    new: "redirect: 'follow'",
    seenBy: tests('packages/fetch-proxy', 'test/fetch.test'),
  },
  {
    file: 'packages/fetch-proxy/src/fetch.ts',
    breaks: 'Closing does not refuse what comes after',
    old: 'closed !== undefined || inFlight',
    new: 'inFlight',
    seenBy: tests('packages/fetch-proxy', 'test/fetch.test'),
  },
  {
    file: 'packages/fetch-proxy/src/fetch.ts',
    breaks: 'A 205 has content',
    old: 'hasContent(this.out.method, status) || status === 205',
    new: 'hasContent(this.out.method, status) || status === 206',
    seenBy: tests('packages/fetch-proxy', 'test/fetch.test'),
  },
  {
    file: 'packages/fetch-proxy/src/fetch.ts',
    breaks: 'What sends the content of a request is not told that nobody wants it any more',
    old: '    if (this.failed !== undefined) void this.#reader?.cancel(this.failed).catch(() => {})\n',
    new: '',
    seenBy: tests('packages/fetch-proxy', 'test/fetch.test', 'no longer wanted'),
  },
  {
    file: 'packages/fetch-proxy/src/fetch-proxy.ts',
    breaks: 'An exchange that was given up goes on dialling',
    old: "      signal.addEventListener('abort', () => use.giveUp())\n",
    new: '',
    seenBy: tests('packages/fetch-proxy', 'test/pools', 'ends with its exchange'),
  },
  {
    file: 'packages/fetch-proxy/src/fetch.ts',
    breaks: 'An answer that is given up for another one is never cancelled',
    old: '      await answer.body?.cancel()\n',
    new: '',
    seenBy: tests('packages/fetch-proxy', 'test/fetch.test', 'given up for another'),
  },
]
