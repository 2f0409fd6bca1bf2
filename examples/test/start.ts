/** For tests: an example as `npm run example` starts it, an origin behind it, and a client in front of it. */

import { fileURLToPath } from 'node:url'
import { type Program, startProgram } from '@relayrace/fixtures/target'
import { type Client, connect, type Origin, startOrigin } from '@relayrace/fixtures/wire'
import { onTestFinished } from 'vitest'

const run = fileURLToPath(new URL('../run.ts', import.meta.url))

export async function startExample(
  name: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Program> {
  const running = await startShared(name, args, env)
  onTestFinished(() => running[Symbol.asyncDispose]())
  return running
}

/** For all tests of a file, where one leaves nothing for the next: it is theirs to end. */
export function startShared(
  name: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Program> {
  const argv = [process.execPath, run, name, ...args] as const
  return startProgram({ argv, env: { PORT: '0', ...env } })
}

export async function anOrigin(): Promise<Origin> {
  const origin = await startOrigin()
  onTestFinished(() => origin[Symbol.asyncDispose]())
  return origin
}

export async function aClient(of: URL): Promise<Client> {
  const client = await connect(of)
  onTestFinished(() => client.close())
  return client
}

export const get = (target: string, ...fields: string[]): string =>
  `${[`GET ${target} HTTP/1.1`, 'Host: a.example', ...fields].join('\r\n')}\r\n\r\n`

/** What an origin answers, `body` being all of it. */
export const answer = (body: string, ...fields: string[]): string =>
  `${['HTTP/1.1 200 OK', `Content-Length: ${body.length}`, ...fields].join('\r\n')}\r\n\r\n${body}`
