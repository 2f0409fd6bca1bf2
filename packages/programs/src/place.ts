/** Where there is one instance at a time, but for the change from one to the next: begun, kept, replaced, ended. */

import { after, longest, type Timer } from '@relayrace/gateway/strategy'
import { howItEnded, type Instance, ProgramError } from './instance.ts'

/** When to start again what has died. Milliseconds. */
export interface Restart {
  /** The first pause. It doubles each time, and is up to half as long again, by chance. 100. */
  readonly min: number
  /** The longest pause. 10 000. */
  readonly max: number
  /** One that lived as long as this is started again without a pause. 1 000. */
  readonly lived: number
  /** Starts in a row that come to nothing before it is given up. Infinity. */
  readonly attempts: number
}

/** What a place needs of the program that it belongs to. */
export interface Owner {
  /** Undefined: what has died stays dead. */
  readonly restart: Restart | undefined
  readonly drain: number
  /** There are to be instances. */
  readonly wanted: boolean
  /** Another instance can be there before the old one has gone: they have addresses of their own. */
  readonly overlapping: boolean
  /** Not ready yet, and no process perhaps. @throws ProgramError */
  launch(): Promise<Instance>
  /** Something is ready, or is not any more. */
  changed(): void
  /** One that had been ready has died. */
  died(): void
  failed(error: Error, again: number | undefined): void
}

export class Place {
  readonly #owner: Owner
  /** It takes exchanges. */
  serving: Instance | undefined
  /** Those that may not have ended. */
  readonly instances: Set<Instance> = new Set()
  #starting: Promise<Instance> | undefined
  #pause: Timer
  /** Its end is awaited, so that the next one can have its address. */
  #changing = false
  /** Starts and short lives in a row that came to nothing. */
  failures = 0

  constructor(owner: Owner) {
    this.#owner = owner
  }

  /** Whether waiting may come to something. */
  get isComing(): boolean {
    return this.#starting !== undefined || this.#changing
  }

  /** Sees to it that there is an instance, now or after a pause that has begun. */
  keep(): void {
    if (this.serving !== undefined || this.isComing || this.#pause !== undefined) return
    if (this.isGivenUp) return
    void this.#start().catch(() => {})
  }

  get isGivenUp(): boolean {
    const { restart } = this.#owner
    return this.failures > 0 && this.failures >= (restart?.attempts ?? 1)
  }

  /** Forgets what has gone wrong. @throws ProgramError when its start comes to nothing. */
  async begin(): Promise<void> {
    // It has died, and is not noticed to be gone before its group is.
    if (this.serving?.status === 'gone') await this.serving.gone
    this.failures = 0
    this.#endPause()
    if (this.serving === undefined && !this.#changing) await (this.#starting ?? this.#start())
  }

  /** Puts a new instance in the place of what is there. @throws ProgramError, and then what was there goes on. */
  async replace(): Promise<void> {
    if (this.#starting !== undefined) await this.#starting.catch(() => {})
    if (!this.#owner.overlapping) {
      await this.#replaceInTurn()
      return
    }
    if (this.serving === undefined) {
      await this.begin()
      return
    }
    const next = await this.#launch()
    const before: Instance | undefined = this.serving
    this.#serve(next)
    if (before !== undefined) await this.#retire(before)
  }

  /** Nothing is lost, but everybody waits. */
  async #replaceInTurn(): Promise<void> {
    const before = this.serving
    this.#changing = true
    this.serving = undefined
    if (before !== undefined) await this.#retire(before)
    this.#changing = false
    await this.begin()
  }

  /** Resolves when all of its instances have ended. */
  async end(drain: number = this.#owner.drain): Promise<void> {
    this.#endPause()
    this.serving = undefined
    // What is about to be launched is among them once it has been.
    await this.#starting?.catch(() => {})
    await Promise.all([...this.instances].map((instance) => this.#retire(instance, drain)))
  }

  /** What has not become ready is not waited for. */
  giveUp(): void {
    for (const instance of this.instances) if (instance.status === 'starting') void instance.stop()
  }

  async #start(): Promise<Instance> {
    const { promise, resolve, reject } = Promise.withResolvers<Instance>()
    this.#starting = promise
    try {
      const instance = await this.#launch()
      this.#starting = undefined
      // What `replace` has begun meanwhile may be there already.
      if (this.#owner.wanted && this.serving?.status !== 'ready') this.#serve(instance)
      else void this.#retire(instance, 0)
      resolve(instance)
    } catch (cause) {
      this.#starting = undefined
      this.failures += 1
      this.#startLater(cause as Error)
      reject(cause)
    }
    this.#owner.changed()
    return promise
  }

  async #launch(): Promise<Instance> {
    // What has the address of the next one has to be gone first.
    if (!this.#owner.overlapping) await Promise.all([...this.instances].map(({ gone }) => gone))
    const instance = await this.#owner.launch()
    this.instances.add(instance)
    void instance.gone.then(() => {
      this.instances.delete(instance)
    })
    try {
      await instance.ready
    } catch (cause) {
      await instance.stop()
      throw cause
    }
    return instance
  }

  #serve(instance: Instance): void {
    this.serving = instance
    this.#owner.changed()
    void instance.gone.then((ending) => {
      if (this.serving !== instance) return
      this.serving = undefined
      if (!this.#owner.wanted) return
      const { restart } = this.#owner
      const lived = performance.now() - (instance.readyAt ?? 0)
      this.failures = restart !== undefined && lived >= restart.lived ? 0 : this.failures + 1
      this.#owner.died()
      if (this.failures === 0) this.keep()
      else this.#startLater(new ProgramError(`${howItEnded(ending)} after ${Math.round(lived)} ms`))
      this.#owner.changed()
    })
  }

  async #retire(instance: Instance, drain = this.#owner.drain): Promise<void> {
    await instance.drain(drain)
    await instance.stop()
  }

  #startLater(error: Error): void {
    const { restart, wanted } = this.#owner
    if (!wanted || restart === undefined || this.isGivenUp) {
      this.#owner.failed(error, undefined)
      return
    }
    const ms = pauseAfter(this.failures, restart)
    this.#owner.failed(error, ms)
    this.#pause = after(ms, () => {
      this.#pause = undefined
      this.keep()
      this.#owner.changed()
    })
  }

  #endPause(): void {
    clearTimeout(this.#pause)
    this.#pause = undefined
  }
}

/** Doubles with each failure, within bounds; by chance up to half as long again, so that not all come at once. */
export function pauseAfter(failures: number, { min, max }: Restart, chance: number = Math.random()): number {
  const pause = Math.min(min * 2 ** (failures - 1), max)
  return Math.round(Math.min(pause * (1 + chance / 2), max, longest))
}
