/** A host on the network that has nothing to do with the target, and should never hear of it. */

import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

export interface Bystander extends AsyncDisposable {
  /** With its port. */
  readonly host: string
  /** How many connections there were. */
  visits(): number
}

export async function startBystander(): Promise<Bystander> {
  let visits = 0
  const server = createServer((socket) => {
    visits++
    socket.destroy()
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    visits: () => visits,
    async [Symbol.asyncDispose]() {
      server.close()
    },
  }
}
