/** What Ctrl-C means: stop, tidy up, keep what was measured. Pressed again later: stop at once. */

import { processTree } from './measure/process.ts'

export interface Interrupt extends Disposable {
  readonly signal: AbortSignal
  /** What a process that was ended by this signal is expected to say. */
  readonly exitCode: number
}

/** A terminal and a launcher may both deliver one and the same key press. */
const sameKeyPress = 1_000

const codes = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 } as const

export function onInterrupt(say: (message: string) => void): Interrupt {
  const abort = new AbortController()
  let first: number | undefined
  let exitCode = 0
  const handle = (name: keyof typeof codes) => () => {
    if (first === undefined) {
      first = performance.now()
      exitCode = codes[name]
      say('Stopping: what was measured so far will be written. Ctrl-C again to stop at once.')
      abort.abort()
    } else if (performance.now() - first > sameKeyPress) {
      for (const pid of processTree(process.pid).slice(1)) kill(pid)
      process.exit(exitCode)
    }
  }
  const handlers = (Object.keys(codes) as (keyof typeof codes)[]).map((name) => [name, handle(name)] as const)
  for (const [name, handler] of handlers) process.on(name, handler)
  return {
    signal: abort.signal,
    get exitCode() {
      return exitCode
    },
    [Symbol.dispose]() {
      for (const [name, handler] of handlers) process.off(name, handler)
    },
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It was faster.
  }
}
