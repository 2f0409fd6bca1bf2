/** What is judged: a program, or a server in this process, that stands before one upstream. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { commandFor, freePort } from '@relayrace/fixtures/target'
import type { Capability } from './case.ts'

export interface Subject {
  readonly name: string
  /** For reports. */
  readonly release?: string
  /** Resolves once it accepts connections. */
  start(upstream: URL, options?: SubjectOptions): Promise<Instance>
  /** Understands `--timeouts.responseHead 500` and the like. Without it, cases that need such options are skipped. */
  readonly configurable?: boolean
  /** What it leaves out on purpose. */
  readonly lacks?: readonly Capability[]
  /** What it has beyond the usual. */
  readonly has?: readonly Capability[]
  /** The upstream it was started with by hand, so the origin must be there, and there can be only one of it. */
  readonly originPort?: number
}

export interface SubjectOptions {
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** Disposing of it ends it. */
export interface Instance extends AsyncDisposable {
  readonly url: URL
  /** To watch its memory and descriptors. */
  readonly pid?: number | undefined
  /** What it has said on standard error so far. */
  readonly stderr?: () => string
  /** The same of standard output, for those that have `log`. */
  readonly stdout?: () => string
  /** Resolves when it has ended, wanted or not. */
  readonly exited?: Promise<unknown>
}

/** A proxy that somebody has started, with `http://127.0.0.1:originPort` as its upstream. */
export function started(url: URL, originPort: number): Subject {
  return {
    name: url.host,
    originPort,
    async start() {
      if (!(await connects(url.hostname, Number(url.port || 80))))
        throw new Error(`nobody accepts connections at ${url.host}`)
      return { url, [Symbol.asyncDispose]: async () => {} }
    },
  }
}

const startupLimit = 15_000
const shutdownLimit = 5_000

/** A command line with `{port}` and `{upstream}` in it, also `{upstreamHost}` and `{upstreamPort}`. */
export function command(line: string, name: string = programIn(line)): Subject {
  return {
    name,
    async start(upstream, { env } = {}) {
      const port = await freePort()
      const text = commandFor(line, port, upstream)
      // A group of its own, so that what the shell starts ends with it.
      const child = spawn(text, {
        shell: true,
        detached: true,
        env: { ...process.env, ...env },
        stdio: ['ignore', 'ignore', 'pipe'],
      })
      let stderr = ''
      child.stderr?.setEncoding('utf8').on('data', (part: string) => {
        stderr = (stderr + part).slice(-64 * 1024)
      })
      const exited = once(child, 'exit')
      const stop = async (): Promise<void> => {
        if (child.exitCode !== null || child.signalCode !== null) return
        signalGroup(child, 'SIGTERM')
        const timer = setTimeout(() => signalGroup(child, 'SIGKILL'), shutdownLimit)
        await exited
        clearTimeout(timer)
      }
      try {
        await accepts(port, exited)
      } catch (cause) {
        await stop()
        throw new Error(`"${text}" did not start: ${stderr.trim() || cause}`, { cause })
      }
      return {
        url: new URL(`http://127.0.0.1:${port}`),
        stderr: () => stderr,
        exited,
        [Symbol.asyncDispose]: stop,
      }
    },
  }
}

/** `proxy.py`, when that is what `python3 src/proxy.py {port}` starts. */
function programIn(line: string): string {
  const words = line.split(' ').filter((word) => !/^\w+=/.test(word))
  const options = words.findIndex((word) => /^-|[{=]/.test(word))
  return path.basename(words[options > 0 ? options - 1 : 0] ?? line)
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    child.kill(signal)
  }
}

async function accepts(port: number, exited: Promise<unknown>): Promise<void> {
  let gone = false
  exited.then(() => {
    gone = true
  })
  for (const end = Date.now() + startupLimit; Date.now() < end; await pause(20)) {
    if (gone) throw new Error('it ended')
    if (await connects('127.0.0.1', port)) return
  }
  throw new Error(`nothing listens on port ${port} after ${startupLimit} ms`)
}

async function connects(hostname: string, port: number): Promise<boolean> {
  const socket = connect({ port, host: hostname.replace(/^\[|\]$/g, '') })
  try {
    await once(socket, 'connect')
    return true
  } catch {
    return false
  } finally {
    socket.destroy()
  }
}
