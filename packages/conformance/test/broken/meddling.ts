/**
 * Relays bytes without understanding them, and meddles with them in one way: FAULT says in which of `faults`. What it
 * looks for must come in one piece, so it is for whole deliveries only.
 */

import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { faults } from './faults.ts'

/** What a fault is given: both ends, after each of which it may write. */
export interface Ends {
  readonly client: Socket
  /** Another one may take its place. */
  origin: Socket
  readonly dial: () => Socket
  readonly upstream: URL
}

/** Texts are Latin-1. What is given back goes on; what is not told stays as it is. */
export interface Meddling {
  readonly request?: (text: string) => string
  readonly response?: (text: string) => string
  /** In place of closing the client's side. */
  readonly originLeft?: (how: 'end' | 'error') => void
}

export type Fault = (ends: Ends) => Meddling

if (import.meta.main) {
  const upstream = new URL(process.env.UPSTREAM ?? '')
  const fault: Fault = faults[process.env.FAULT ?? ''] ?? (() => ({}))
  const server = createServer((client) => {
    const dial = (): Socket => {
      const origin = connect({ host: upstream.hostname, port: Number(upstream.port), noDelay: true })
      origin.on('data', (bytes) => void client.write(response(bytes.toString('latin1')), 'latin1'))
      origin.once('end', () => (ends.origin === origin ? originLeft('end') : undefined))
      origin.once('error', () => (ends.origin === origin ? originLeft('error') : undefined))
      return origin
    }
    const ends: Ends = { client, dial, upstream } as Ends
    ends.origin = dial()
    const {
      request = (text) => text,
      response = (text) => text,
      originLeft = (how) => (how === 'end' ? client.destroySoon() : client.resetAndDestroy()),
    } = fault(ends)
    client.setNoDelay(true)
    client.on('data', (bytes) => void ends.origin.write(request(bytes.toString('latin1')), 'latin1'))
    client.on('error', () => {})
    client.once('end', () => client.destroy()).once('close', () => ends.origin.destroy())
  })
  server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
    process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
  })
  process.once('SIGTERM', () => process.exit())
}
