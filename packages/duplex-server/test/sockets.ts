/** Two ends of a loopback connection in one process. */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Pair {
  /** As a server accepts it: nothing has been read. */
  readonly near: Socket
  readonly far: Socket
}

export async function pair(): Promise<Pair> {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const far = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  const [[near]] = (await Promise.all([once(server, 'connection'), once(far, 'connect')])) as [
    [Socket],
    unknown,
  ]
  // It only stops listening.
  server.close()
  far.on('error', () => {})
  return { near, far }
}

/** Resolves at the first look that finds something, looking again at every turn of the event loop. */
export async function until<T>(look: () => T | undefined | false, what: string, within = 20_000): Promise<T> {
  const deadline = performance.now() + within
  for (;;) {
    const found = look()
    if (found !== undefined && found !== false) return found
    if (performance.now() > deadline) throw new Error(`${what}: not within ${within} ms`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

/** Everything a socket says from now on, as text. */
export function hear(socket: Socket): () => string {
  const heard: Buffer[] = []
  socket.on('data', (bytes: Buffer) => heard.push(bytes))
  return () => Buffer.concat(heard).toString('latin1')
}
