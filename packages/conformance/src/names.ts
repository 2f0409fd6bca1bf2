/** A name server for setups: names under `.test` (RFC 6761 §6.2) that are there, are not, or are never spoken of. */

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import type { Setup } from './case.ts'

/** Addresses, or a code of RFC 1035 §4.1.1, or nothing at all. One for each time it is asked; the last one stays. */
type Answer = readonly string[] | 'SERVFAIL' | 'NXDOMAIN' | 'silence'

/**
 * The environment of a target that asks this name server. Programs on Node.js are told by a module that is loaded
 * before them. For others there is no such thing: the system's resolver has neither another port nor another file.
 */
export const knowing =
  (...answers: readonly [Answer, ...Answer[]]): NonNullable<Setup['env']> =>
  async (over) => {
    const options = [process.env.NODE_OPTIONS, `--import=${asking(await nameServer(answers, over))}`]
    return { NODE_OPTIONS: options.filter((option) => option !== undefined).join(' ') }
  }

const codes = { SERVFAIL: 2, NXDOMAIN: 3 }
const headLength = 12

async function nameServer(answers: readonly Answer[], over: AbortSignal): Promise<number> {
  const left = [...answers]
  const server = createSocket('udp4')
  server.on('message', (query, { port, address }) => {
    const answer = (left.length > 1 ? left.shift() : left[0]) ?? 'silence'
    if (answer !== 'silence') server.send(reply(query, answer), port, address)
  })
  server.bind(0, '127.0.0.1')
  await once(server, 'listening')
  over.addEventListener('abort', () => server.close(), { once: true })
  return server.address().port
}

/** To a query with one question, for addresses of IPv4. */
function reply(query: Buffer, answer: Exclude<Answer, 'silence'>): Buffer {
  const addresses = typeof answer === 'string' ? [] : answer
  const question = query.subarray(headLength, query.indexOf(0, headLength) + 5)
  const head = Buffer.from(query.subarray(0, headLength))
  // A response, and recursion is available.
  head.writeUInt16BE(0x8180 | (typeof answer === 'string' ? codes[answer] : 0), 2)
  head.writeUInt16BE(addresses.length, 6)
  head.fill(0, 8)
  const records = addresses.map((address) =>
    // The name of the question, A, IN, for no time at all, four bytes.
    Buffer.from([0xc0, headLength, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split('.').map(Number)]),
  )
  return Buffer.concat([head, question, ...records])
}

const asking = (port: number): string =>
  `data:text/javascript,${encodeURIComponent(`
    import dns from 'node:dns'
    import { syncBuiltinESMExports } from 'node:module'
    const resolver = new dns.Resolver({ tries: 1, timeout: 30_000 })
    resolver.setServers(['127.0.0.1:${port}'])
    const { lookup } = dns
    dns.lookup = (name, options, callback = options) => {
      if (!name.endsWith('.test')) return lookup(name, options, callback)
      resolver.resolve4(name, (error, found) => {
        if (error) callback(error)
        else if (options.all) callback(null, found.map((address) => ({ address, family: 4 })))
        else callback(null, found[0], 4)
      })
    }
    syncBuiltinESMExports()
  `)}`
