/** What every program here is started with, and the gateway that it mounts. */

import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { HttpGateway } from '@relayrace/gateway'
import { createPipeProxy } from '@relayrace/pipe-proxy'
import { passUpgrades } from '../../src/index.ts'

if (!process.env.UPSTREAM) throw new Error('UPSTREAM=http://host:port is needed')

export const gateway: HttpGateway = createPipeProxy({ upstream: process.env.UPSTREAM })

/** Where to listen. */
export const where: { port: number; host: string; backlog: number } = {
  port: Number(process.env.PORT ?? 0),
  host: '127.0.0.1',
  backlog: 4096,
}

/** Prints the URL when it accepts connections. */
export async function serve(server: Server): Promise<void> {
  passUpgrades(server)
  if (!server.listening) await once(server.listen(where), 'listening')
  console.log(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
}
