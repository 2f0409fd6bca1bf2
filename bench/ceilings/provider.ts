/** Who holds a target to a limit: the control groups of the kernel where they can be had, else a watchdog of ours. */

import type { ProviderRecord } from './results.ts'

export interface Provider extends ProviderRecord {
  /** A place for one run of one target, with everything it starts. Without a limit it is only watched. */
  group(limit: number | undefined): Promise<Group>
}

/** Disposing of it ends what is left in it and removes it. */
export interface Group extends AsyncDisposable {
  /** Goes before the command line of what is to run in it. */
  readonly prefix: readonly string[]
  /** How often something in it was ended because of the limit. */
  killed(): number
  /** How often the limit was in the way of something in it. */
  hits(): number
  /** The most that was held of what a limit counts, in bytes. Null when nobody knows. */
  peak(): number | null
  /** TCP buffers of its sockets in bytes, now. Null when they are not counted by group. */
  tcp(): number | null
  /** The processes in it. */
  pids(): number[]
}

export interface Candidate {
  readonly name: Provider['name']
  /** @throws with the reason when it cannot be had here. */
  open(): Promise<Provider>
}

export interface Choice {
  readonly provider: Provider
  /** Those that come before it in the chain, and why they were not taken. */
  readonly passedOver: readonly { readonly name: string; readonly why: string }[]
}

/** The first of the chain that can be had. @throws when none can. */
export async function chooseProvider(chain: readonly Candidate[]): Promise<Choice> {
  const passedOver: { name: string; why: string }[] = []
  for (const { name, open } of chain) {
    try {
      return { provider: await open(), passedOver }
    } catch (error) {
      passedOver.push({ name, why: (error as Error).message })
    }
  }
  throw new Error(passedOver.map(({ name, why }) => `${name}: ${why}`).join('; ') || 'there is no provider')
}
