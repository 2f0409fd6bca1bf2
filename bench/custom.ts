/** A proxy of one's own, from a command line: `--command 'my-proxy --listen {port} --to {upstream}'`. */

import { commandFor, freePort, startProgram, type Target } from '@relayrace/fixtures/target'

export function customTarget(command: string): Target {
  return {
    name: 'custom',
    kind: 'peer',
    about: command,
    install: 'it is yours',
    version: async () => 'custom',
    async start(upstream, options) {
      const port = await freePort()
      const url = new URL(`http://127.0.0.1:${port}`)
      // `exec`, so that the process that is measured and ended is the program and not the shell; `env`, so that
      // variables may stand before it.
      const line = `exec env ${commandFor(command, port, upstream)}`
      return startProgram({ argv: ['sh', '-c', line], url }, options)
    },
  }
}
