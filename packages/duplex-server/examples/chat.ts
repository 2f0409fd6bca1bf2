/** A chat in which every client holds one long POST: its lines go up, everybody's come down. */

import { createInterface } from 'node:readline'
import { createDuplexServer, type DuplexResponse } from '@relayrace/duplex-server'

const present = new Set<DuplexResponse>()

const server = createDuplexServer(async (request, response) => {
  if (request.method !== 'POST') {
    response.writeHead(405, { Allow: 'POST', 'Content-Length': '0' }).end()
    return
  }
  const name = request.target.slice(1) || 'somebody'
  response.writeHead(200, { 'Content-Type': 'text/plain; charset=utf-8' })
  present.add(response)
  try {
    for await (const line of createInterface({ input: request.stream() })) say(`${name}: ${line}\n`)
    response.end()
  } finally {
    present.delete(response)
  }
})

/** Who does not read is left behind: a write that cannot be taken yet is not waited for, the server's limit ends it. */
function say(text: string): void {
  for (const listener of present) listener.write(text).catch(() => present.delete(listener))
}

const { url } = await server.listen({ port: Number(process.env.PORT ?? 0) })
console.log(`chat ${url}`)
process.once('SIGTERM', () => server.close(0))
