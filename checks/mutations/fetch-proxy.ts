/** What is the fetch handler’s own. */

import { type Mutation, tests } from './mutation.ts'

export const fetchProxy: readonly Mutation[] = [
  {
    file: 'packages/fetch-proxy/src/fetch.ts',
    breaks: 'One exchange more than the limit is begun',
    old: 'underWay.size > settings.limits.exchanges',
    new: 'underWay.size > settings.limits.exchanges + 1',
    seenBy: tests('packages/fetch-proxy', 'test/fetch.test'),
  },
  {
    file: 'packages/fetch-proxy/src/fetch.ts',
    breaks: 'The timer of the whole exchange is never cleared',
    old: 'clearTimeout(this.#totalTimer)\n    for',
    new: 'for',
    seenBy: tests('packages/fetch-proxy', 'test/fetch.test'),
  },
  {
    file: 'packages/fetch-proxy/src/fetch.ts',
    breaks: 'A listener is left on request.signal',
    old: "this.#asked.signal.removeEventListener('abort', this.#clientLeft)\n",
    new: '',
    seenBy: tests('packages/fetch-proxy', 'test/fetch.test'),
  },
  {
    file: 'packages/fetch-proxy/src/fetch.ts',
    breaks: 'The timer of the grace runs on after the close',
    old: 'await empty\n    clearTimeout(timer)',
    new: 'await empty',
    seenBy: tests('packages/fetch-proxy', 'test/fetch.test'),
  },
  {
    file: 'packages/fetch-proxy/src/fetch.ts',
    breaks: 'An upload of exactly its limit is refused',
    old: 'if (this.#requestBytes <= limit) return',
    new: 'if (this.#requestBytes < limit) return',
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
    file: 'packages/fetch-proxy/src/fetch.ts',
    breaks: 'Clocks of bodies go on after the end',
    old: 'for (const clock of this.#clocks) clock.stop()',
    new: '',
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
    old: 'closed !== undefined || underWay',
    new: 'underWay',
    seenBy: tests('packages/fetch-proxy', 'test/fetch.test'),
  },
  {
    file: 'packages/fetch-proxy/src/fetch.ts',
    breaks: 'A 205 has content',
    old: 'head.status === 205\n    const response',
    new: 'head.status === 206\n    const response',
    seenBy: tests('packages/fetch-proxy', 'test/fetch.test'),
  },
]
