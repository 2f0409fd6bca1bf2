/** Echoes a request while it is still coming: `curl -N -T - http://127.0.0.1:8080/` and type. */

import { createDuplexServer } from '@relayrace/duplex-server'

const server = createDuplexServer(async (request, response) => {
  response.writeHead(200, { 'Content-Type': request.fields.get('content-type') ?? 'text/plain' })
  for await (const piece of request) await response.write(piece)
  response.end()
})

const { url } = await server.listen({ port: Number(process.env.PORT ?? 0) })
console.log(`echo ${url}`)
process.once('SIGTERM', () => server.close())
