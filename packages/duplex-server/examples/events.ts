/** Server-sent events: one a second, until the client leaves. */

import { setInterval as every } from 'node:timers/promises'
import { createDuplexServer } from '@relayrace/duplex-server'

const pause = Number(process.env.INTERVAL ?? 1_000)

const server = createDuplexServer(async ({ signal }, response) => {
  response.writeHead(200, { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-store' })
  let count = 0
  for await (const _ of every(pause, undefined, { signal })) {
    await response.write(`id: ${++count}\ndata: ${new Date().toISOString()}\n\n`)
  }
})

const { url } = await server.listen({ port: Number(process.env.PORT ?? 0) })
console.log(`events ${url}`)
process.once('SIGTERM', () => server.close(0))
