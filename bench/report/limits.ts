/** Who was the limit of a sample: where client or origin was, a figure of the clock on the wall is theirs. */

import { median } from '../statistics/describe.ts'
import type { Pinning, SampleRecord } from './results.ts'

/** Of its processor, from which on somebody counts as busy all the time. */
const busy = 0.9

/** How much of a processor client and origin used, in the middle of the samples. */
export interface HarnessCost {
  readonly client: number
  readonly origin: number
}

export function harnessCost(samples: readonly SampleRecord[]): HarnessCost | undefined {
  const shares = samples.flatMap((sample) => shareOf(sample) ?? [])
  if (shares.length === 0) return undefined
  return {
    client: median(shares.map(({ client }) => client)),
    origin: median(shares.map(({ origin }) => origin)),
  }
}

/** Client, origin, or the processors that they share were busy all the time, and the target was not. */
export function isHarnessBound(sample: SampleRecord, pinning: Pinning | null): boolean {
  const share = shareOf(sample)
  if (share === undefined || (sample.cpu.target ?? 0) / sample.seconds >= busy) return false
  const { client, origin } = share
  const processors = pinning ? pinning.others.split(',').length : Number.POSITIVE_INFINITY
  return Math.max(client, origin, (client + origin) / processors) >= busy
}

/** Where nobody is held to a processor: all were busy, and client and origin had a good part of them. */
export function isMachineBound(sample: SampleRecord, processors: number): boolean {
  const share = shareOf(sample)
  if (share === undefined) return false
  const others = (share.client + share.origin) / processors
  return others >= 0.1 && others + (sample.cpu.target ?? 0) / sample.seconds / processors >= busy
}

function shareOf({ cpu, seconds }: SampleRecord): HarnessCost | undefined {
  if (cpu.load === null || cpu.origin === null || seconds === 0) return undefined
  return { client: cpu.load / seconds, origin: cpu.origin / seconds }
}
