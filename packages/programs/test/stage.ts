/** Programs in a test, and exchanges that stand in for those of a gateway. */

import { spawnSync } from 'node:child_process'
import { channel } from 'node:diagnostics_channel'
import http from 'node:http'
import { fileURLToPath } from 'node:url'
import type { Exchange, Origin, UnixSocket } from '@relayrace/gateway'
import { onTestFinished } from 'vitest'
import { type Program, type ProgramLine, type ProgramOptions, program } from '../src/index.ts'

export const child = (name: string): string => fileURLToPath(new URL(`children/${name}`, import.meta.url))

/** `app.mjs`. */
export const node: ProgramOptions = { command: process.execPath, args: [child('app.mjs')], name: 'app' }
/** Another one, in a line. */
export const script = (text: string): ProgramOptions => ({
  command: process.execPath,
  args: ['-e', text],
  name: 'app',
})

export interface Stage {
  readonly app: Program
  readonly lines: readonly ProgramLine[]
  /** Resolves with the nth line with that in it, once it has come. */
  line(text: string, nth?: number): Promise<ProgramLine>
}

/** Is closed when the test ends. */
export function stage(options: ProgramOptions): Stage {
  const lines: ProgramLine[] = []
  let changed = Promise.withResolvers<void>()
  const app = program({
    ...options,
    // Exchanges that nobody ends are not waited for.
    stop: { drain: 0, ...options.stop },
    log(line) {
      lines.push(line)
      changed.resolve()
      changed = Promise.withResolvers()
    },
  })
  onTestFinished(() => app.close())
  return {
    app,
    lines,
    async line(text, nth = 1) {
      for (;;) {
        const found = lines.filter((line) => line.text.includes(text))[nth - 1]
        if (found !== undefined) return found
        await changed.promise
      }
    },
  }
}

export interface Standing {
  readonly exchange: Exchange
  /** As a gateway says it. */
  end(): void
  /** Its client has left. */
  leave(): void
}

export function exchange(): Standing {
  const controller = new AbortController()
  const made = { status: 0, signal: controller.signal } as Exchange
  const end = (): void => channel('relayrace:exchange:end').publish({ exchange: made })
  return {
    exchange: made,
    end,
    leave() {
      controller.abort(new Error('left'))
      end()
    },
  }
}

/** What is answered at an origin, without a gateway. */
export async function ask(origin: Origin, path = '/'): Promise<string> {
  const where =
    typeof origin === 'object' && 'socketPath' in origin
      ? { socketPath: (origin as UnixSocket).socketPath }
      : { host: new URL(origin).hostname, port: new URL(origin).port }
  return new Promise((resolve, reject) => {
    const request = http.get({ ...where, path, agent: false }, async (response) => {
      const pieces: Buffer[] = []
      for await (const piece of response) pieces.push(piece)
      resolve(Buffer.concat(pieces).toString())
    })
    request.on('error', reject)
  })
}

export const pidOf = async (origin: Origin): Promise<number> => JSON.parse(await ask(origin)).pid

/** A process that has ended may stay in the table until its parent has asked, and some never do. */
export function lives(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', `${pid}`])
  return /^[^Z\s]/.test(stdout.toString())
}
