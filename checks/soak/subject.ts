/** A strategy under soak: its process, and what that says of itself. */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import type { Certificates } from '@relayrace/fixtures/certificates'
import type { Ports, State } from './gateway.ts'

export interface Subject {
  readonly name: string
  readonly ports: Ports
  /** Why the process has ended, once it has, and was not asked to. */
  readonly death: string | undefined
  state(): Promise<State>
  /** Whether all gateways have closed in time, which is longer than the grace they are given. */
  close(): Promise<boolean>
  kill(): void
}

const program = fileURLToPath(new URL('gateway.ts', import.meta.url))
const closesWithin = 15_000

/** @param node Runs it. */
export async function startSubject(
  name: string,
  upstream: string,
  { server }: Certificates,
  node: string,
): Promise<Subject> {
  const child: ChildProcess = fork(program, [name, upstream, server.cert, server.key], {
    execPath: node,
    execArgv: ['--expose-gc'],
    // Ctrl-C ends the load, and then they are asked what is left of it.
    detached: true,
    stdio: ['ignore', 'inherit', 'pipe', 'ipc'],
  })
  let said = ''
  let death: string | undefined
  child.stderr?.on('data', (text: Buffer) => {
    said = (said + text.toString()).slice(-4_000)
  })
  const gone = once(child, 'exit').then(([code, signal]) => {
    death = `the process has ended (${code ?? signal}): ${said}`
  })
  const answer = async <T>(asked?: string): Promise<T> => {
    if (asked !== undefined) child.send(asked)
    const [message] = await Promise.race([
      once(child, 'message'),
      gone.then(() => Promise.reject(new Error(`${name}: ${death}`))),
    ])
    return message
  }
  const ports: Ports = await answer()
  return {
    name,
    ports,
    get death() {
      return death
    },
    state: () => answer('look'),
    async close() {
      const limit = new Promise<false>((resolve) => setTimeout(() => resolve(false), closesWithin).unref())
      return Promise.race([answer('close').then(() => true), limit])
    },
    kill: () => void child.kill('SIGKILL'),
  }
}
