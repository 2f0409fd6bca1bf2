/** Relays bytes and understands none of them: sound about connections, and about nothing else. */

import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Reuse {
  /** An upstream connection for a new client, if there is one. */
  readonly take: () => Socket | undefined
  /** The client has left. */
  readonly leave: (origin: Socket) => void
}

export const never: Reuse = { take: () => undefined, leave: (origin) => origin.destroy() }

export function serve({ take, leave }: Reuse): void {
  const upstream = new URL(process.env.UPSTREAM ?? '')
  const server = createServer((client) => {
    const origin = take() ?? connect({ host: upstream.hostname, port: Number(upstream.port) })
    const close = (): void => void client.destroySoon()
    const cut = (): void => void client.resetAndDestroy()
    origin.pipe(client, { end: false })
    client.pipe(origin, { end: false })
    origin.once('end', close).once('error', cut)
    client.on('error', () => {})
    client
      .once('end', () => client.destroy())
      .once('close', () => {
        origin.unpipe(client).off('end', close).off('error', cut)
        leave(origin)
      })
  })
  server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
    process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
  })
  process.once('SIGTERM', () => process.exit())
}

if (import.meta.main) serve(never)
