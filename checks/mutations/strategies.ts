/** What is the pipe proxy’s, the reverse proxy’s and the dispatch proxy’s own. */

import { type Mutation, tests } from './mutation.ts'

export const strategies: readonly Mutation[] = [
  {
    file: 'packages/pipe-proxy/src/pipe.ts',
    breaks: 'A request that found its connection stale is sent again on another one that may be as stale',
    old: 'agents.for(exchange, fresh)',
    new: 'agents.for(exchange, false)',
    seenBy: tests('packages/pipe-proxy', 'test/promises', 'one stale connection after the other'),
  },
  {
    file: 'packages/reverse-proxy/src/reverse.ts',
    breaks: 'The limit on heads of requests is that on heads of responses',
    old: 'settings.limits.responseHead',
    new: 'settings.limits.requestHead',
    seenBy: tests('packages/reverse-proxy', 'test/promises', 'F4 .*with heads of'),
  },
  {
    file: 'packages/dispatch-proxy/src/pool.ts',
    breaks: 'A connection whose age was over while it was idle is asked on',
    old: 'if (!socket.destroyed && performance.now() < known.until) return known',
    new: 'if (!socket.destroyed) return known',
    seenBy: tests('packages/dispatch-proxy', 'test/held', 'maxAge was over'),
  },
  {
    file: 'packages/dispatch-proxy/src/asking.ts',
    breaks: 'All of an answer is read into memory while a hook thinks about its head',
    old: '      if (this.#heldBytes > allowance) controller.pause()\n',
    new: '',
    seenBy: tests('packages/dispatch-proxy', 'test/held', 'read ahead'),
  },
  {
    file: 'packages/dispatch-proxy/src/connections.ts',
    breaks: 'The clock of a connection that could not be made goes on',
    old: "  socket.once('close', () => clearTimeout(timer))\n",
    new: '',
    seenBy: tests('packages/dispatch-proxy', 'test/promises', 'A9 no clock outlives'),
  },
  {
    file: 'packages/reverse-proxy/src/http-proxy/response.ts',
    breaks: 'A cookie whose Domain is written with a capital keeps it',
    old: "([^;]+)`, 'i')",
    new: '([^;]+)`)',
    seenBy: tests('packages/reverse-proxy', 'http-proxy/options', 'cookieDomainRewrite'),
  },
  {
    file: 'packages/reverse-proxy/src/http-proxy/again.ts',
    breaks: 'Content that is gone is still announced, by a field in capitals',
    old: '(raw[i - (i % 2)] as string).toLowerCase())',
    new: 'raw[i - (i % 2)] as string)',
    seenBy: tests('packages/reverse-proxy', 'http-proxy', 'may write content again'),
  },
  {
    file: 'packages/reverse-proxy/src/http-proxy/proxy-server.ts',
    breaks: 'Calls with ever other connections break off what is under way on the first ones',
    old: 'this.#gateways.shift()?.gateway.close(patience)',
    new: 'this.#gateways.shift()?.gateway.close(0)',
    seenBy: tests('packages/reverse-proxy', 'http-proxy/events', 'goes on when calls'),
  },
  {
    file: 'packages/reverse-proxy/src/http-proxy/proxy-server.ts',
    breaks: 'Closing a proxy breaks off what is under way',
    old: 'void gateway.close(patience)',
    new: 'void gateway.close(0)',
    seenBy: tests('packages/reverse-proxy', 'http-proxy/events', 'goes on when the proxy is closed'),
  },
]
