/** The client is sent to the service: nothing passes the gateway, so the client has to reach it, and learns where it is. */

import { createPipeProxy } from '@relayrace/pipe-proxy'
import { program } from '@relayrace/programs'

export async function start(status: number, port: number): Promise<URL> {
  const service = program({
    command: process.execPath,
    args: [new URL('service.ts', import.meta.url).pathname],
  })
  await service.start()
  const gateway = createPipeProxy({
    async upstream(exchange) {
      // As text: a target such as //a.example would name another host.
      const location = new URL(String(await service.upstream(exchange))).origin + exchange.request.path
      return { status, fields: { Location: location } }
    },
  })
  process.once('SIGTERM', async () => {
    await gateway.close()
    await service.close()
  })
  return (await gateway.listen({ port })).url
}
