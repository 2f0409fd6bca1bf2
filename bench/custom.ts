/** Proxies of one's own, from command lines: `--command 'my-proxy --listen {port} --to {upstream}'`. */

import { commandFor, freePort, startProgram, type Target } from '@relayrace/fixtures/target'

/** They are called custom, custom-2, custom-3. */
export function customTargets(commands: readonly string[]): Target[] {
  return commands.map((command, index) =>
    customTarget(command, index === 0 ? 'custom' : `custom-${index + 1}`),
  )
}

function customTarget(command: string, name: string): Target {
  return {
    name,
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
