/** Several processes of one program behind one port: begun, kept, replaced, ended. */

import cluster, { type Worker } from 'node:cluster'
import { once } from 'node:events'

/** What a worker tells its primary: where it accepts connections, or why it never will. */
export type WorkerMessage = { readonly url: string } | { readonly failed: string }

export interface Workers {
  /** Resolves with their URL once all accept connections. @throws WorkerFault when one of them cannot. */
  begin(): Promise<string>
  /** Puts a new process in each one's place. Where that fails, the one that was there goes on. */
  replace(): Promise<void>
  signal(signal: NodeJS.Signals): void
  /** Resolves when all have ended. */
  end(signal: NodeJS.Signals): Promise<void>
}

/** A worker that ended before it accepted connections. */
export class WorkerFault extends Error {
  /** Null when somebody has killed it. */
  readonly exitCode: number | null

  constructor(message: string, exitCode: number | null) {
    super(message)
    this.exitCode = exitCode
  }
}

/** One that fails within this time of accepting connections, in ms, has failed to start. */
const youth = 1_000
/** How long to wait before another start is tried, in ms: twice as long each time. */
const [firstPause, longestPause] = [100, 10_000]

/** @param say Where to tell what becomes of them, in lines. */
export function createWorkers(count: number, say: (line: string) => void): Workers {
  const places = Array.from({ length: count }, () => new Place(say))
  let begun = false
  let replacing = false
  let again = false

  /** One by one: each new worker accepts connections before an old one stops, and that one ends what it has begun. */
  async function replaceAll(): Promise<void> {
    for (const place of places) await place.replace()
    say(`replaced ${count} workers`)
  }

  return {
    async begin() {
      const [url] = await Promise.all(places.map((place) => place.begin()))
      begun = true
      return url as string
    },
    async replace() {
      if (!begun) return
      again = replacing
      if (replacing) return
      replacing = true
      await replaceAll().catch(({ message }: Error) => say(`the workers that are there go on: ${message}`))
      replacing = false
      if (again) await this.replace()
    },
    signal(signal) {
      for (const worker of alive()) worker.process.kill(signal)
    },
    async end(signal) {
      for (const place of places) place.close()
      await Promise.all(alive().map((worker) => dismiss(worker, signal)))
    },
  }
}

/** Where there is one worker at a time. */
class Place {
  readonly #say: (line: string) => void
  #worker: Worker | undefined
  /** Starts in a row that came to nothing. */
  #failures = 0
  #closed = false

  constructor(say: (line: string) => void) {
    this.#say = say
  }

  /** What cannot start now will not do better a second time, unless somebody killed it. @throws WorkerFault */
  async begin(): Promise<string> {
    for (;;) {
      try {
        const { url } = await this.#start()
        return url
      } catch (error) {
        if ((error as WorkerFault).exitCode !== null) throw error
        await this.#wait(error as WorkerFault)
      }
    }
  }

  /** @throws WorkerFault, and then the worker that was there goes on. */
  async replace(): Promise<void> {
    const { before } = await this.#start()
    if (before !== undefined) await dismiss(before, 'SIGTERM')
  }

  close(): void {
    this.#closed = true
  }

  async #refill(): Promise<void> {
    await this.#pause()
    while (this.#worker === undefined) {
      try {
        const { before } = await this.#start()
        // `replace` came first.
        if (before !== undefined) await dismiss(before, 'SIGTERM')
      } catch (error) {
        await this.#wait(error as WorkerFault)
      }
    }
  }

  /** Whoever is there when the new one accepts connections is told to the caller, and is nobody's any more. */
  async #start(): Promise<{ url: string; before: Worker | undefined }> {
    // Nobody waits for what would come of it: the program ends.
    if (this.#closed) await new Promise(() => {})
    const { worker, url } = await start().catch(async (error: WorkerFault) => {
      if (this.#closed) await new Promise(() => {})
      this.#failures += 1
      throw error
    })
    const before = this.#worker
    this.#worker = worker
    const since = performance.now()
    worker.once('exit', (code, signal) => {
      if (worker !== this.#worker || this.#closed) return
      this.#worker = undefined
      const failed = signal === null && performance.now() - since < youth
      this.#failures = failed ? this.#failures + 1 : 0
      this.#say(`${ending(worker, code, signal)}; starting another`)
      void this.#refill()
    })
    return { url, before }
  }

  async #wait({ message }: WorkerFault): Promise<void> {
    this.#say(`${message}; starting another in ${pauseAfter(this.#failures)} ms`)
    await this.#pause()
  }

  async #pause(): Promise<void> {
    const ms = pauseAfter(this.#failures)
    if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
  }
}

const pauseAfter = (failures: number): number =>
  failures === 0 ? 0 : Math.min(firstPause * 2 ** (failures - 1), longestPause)

/** Resolves when it accepts connections. @throws WorkerFault */
function start(): Promise<{ worker: Worker; url: string }> {
  return new Promise((resolve, reject) => {
    const worker = cluster.fork()
    let reason: string | undefined
    worker.on('message', (message: WorkerMessage) => {
      if ('url' in message) resolve({ worker, url: message.url })
      else reason = message.failed
    })
    worker.once('exit', (code, signal) => {
      reject(new WorkerFault(reason ?? ending(worker, code, signal), signal === null ? code : null))
    })
    // That there can be no process, or that it has gone while it was written to.
    worker.on('error', ({ message }) => reject(new WorkerFault(message, 1)))
  })
}

function ending({ process: { pid } }: Worker, code: number | null, signal: string | null): string {
  return `worker ${pid} ${signal === null ? `ended with ${code}` : `was ended by ${signal}`}`
}

const alive = (): Worker[] => Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)

async function dismiss(worker: Worker, signal: NodeJS.Signals): Promise<void> {
  if (worker.isDead()) return
  worker.process.kill(signal)
  await once(worker, 'exit')
}
