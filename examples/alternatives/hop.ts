/** A hop over TCP, or over a Unix domain socket: two exchanges instead of one, and nothing is lost. */

import { createPipeProxy } from '@relayrace/pipe-proxy'
import { program } from '@relayrace/programs'

export async function start(by: 'tcp' | 'unix', port: number): Promise<URL> {
  const service = program({
    command: process.execPath,
    args: [new URL('service.ts', import.meta.url).pathname],
    ...(by === 'unix' && { socket: 'auto' }),
  })
  await service.start()
  const gateway = createPipeProxy({ upstream: service.upstream })
  process.once('SIGTERM', async () => {
    await gateway.close()
    await service.close()
  })
  return (await gateway.listen({ port })).url
}
