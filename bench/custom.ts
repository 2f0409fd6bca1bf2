/** A proxy of one's own, from a command line: `--command 'my-proxy --listen {port} --to {upstream}'`. */

import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { startProgram, type Target } from '@relayrace/fixtures/target'

/** In the command, `{port}` is where to listen on 127.0.0.1, `{upstream}` the origin's URL, `{host}` its host and port. */
export function customTarget(command: string): Target {
  return {
    name: 'custom',
    kind: 'peer',
    about: command,
    install: 'it is yours',
    version: async () => 'custom',
    async start(upstream, options) {
      const port = await freePort()
      const filled = command
        .replaceAll('{port}', `${port}`)
        .replaceAll('{upstream}', upstream.origin)
        .replaceAll('{host}', upstream.host)
      const url = new URL(`http://127.0.0.1:${port}`)
      // `exec`, so that the process that is measured and ended is the program and not the shell.
      return startProgram({ argv: ['sh', '-c', `exec ${filled}`], url }, options)
    },
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
