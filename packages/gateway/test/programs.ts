/** Strategies as programs, and files of certificates for them. */

import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Certificate } from '@relayrace/fixtures/certificates'
import type { Program } from '@relayrace/fixtures/target'
import { findTarget } from '@relayrace/fixtures/targets'
import { onTestFinished } from 'vitest'

export const onNodeHttp: readonly string[] = ['pipe-proxy', 'reverse-proxy', 'fetch-proxy']
export const strategies: readonly string[] = [...onNodeHttp, 'duplex-server'] as const

/** Ends with the test. */
export async function program(name: string, upstream: URL, ...args: readonly string[]): Promise<Program> {
  const running = await findTarget(name).start(upstream, { args })
  onTestFinished(() => running[Symbol.asyncDispose]())
  return running
}

export interface Files {
  readonly cert: string
  readonly key: string
  /** Puts another pair in their place, each in one step. */
  replace(pair: Certificate): Promise<void>
}

/** Goes with the test. */
async function folder(): Promise<string> {
  const made = await mkdtemp(path.join(tmpdir(), 'relayrace-tls-'))
  onTestFinished(() => rm(made, { recursive: true, force: true }))
  return made
}

export async function files(pair: Certificate): Promise<Files> {
  const home = await folder()
  const [cert, key] = [path.join(home, 'cert.pem'), path.join(home, 'key.pem')]
  const put = async (file: string, text: string): Promise<void> => {
    await writeFile(`${file}.new`, text)
    await rename(`${file}.new`, file)
  }
  const replace = async (next: Certificate): Promise<void> => {
    await put(cert, next.cert)
    await put(key, next.key)
  }
  await replace(pair)
  return { cert, key, replace }
}

export async function file(text: string): Promise<string> {
  const made = path.join(await folder(), 'file.pem')
  await writeFile(made, text)
  return made
}

/** Looks until there is something to see. */
export async function until<T>(look: () => T | undefined | Promise<T | undefined>): Promise<T> {
  for (;;) {
    const seen = await look()
    if (seen !== undefined) return seen
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
