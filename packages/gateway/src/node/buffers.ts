/**
 * The buffers that sockets read into.
 *
 * A socket that is idle, or of which little is expected, reads into one buffer that all share: what it says is used up,
 * or copied, before anybody else can read. A socket with content under way has a buffer of its own, small until the
 * stream has shown that its receiver reads, then large: a large buffer means a sixteenth of the system calls, and a
 * stream that stalls has hardly ever got one.
 */

/** For heads, first pieces and small messages. */
const sharedSize: number = 64 * 1024
/** What a stream owns until it has moved `provenAfter`, and what a stalled one holds. */
export const smallSize: number = 32 * 1024
/** What a fast stream reads at once: decision 7 has the figures. */
export const largeSize: number = 1024 * 1024
/** Kernel buffers of the two hops swallow about this much before a receiver that never reads is noticed. */
export const provenAfter: number = 16 * 1024 * 1024
/** Large buffers at once, over all streams. The next stream keeps its small one. */
const mostLarge = 64

export const shared: Buffer = Buffer.allocUnsafeSlow(sharedSize)

const freeSmall: Buffer[] = []
const freeLarge: Buffer[] = []
/** Free buffers that are kept for the next stream. */
const keptSmall = 256
const keptLarge = 4
let large = 0

export function leaseSmall(): Buffer {
  return freeSmall.pop() ?? Buffer.allocUnsafeSlow(smallSize)
}

/** A large buffer, or undefined when there are enough of them. */
export function leaseLarge(): Buffer | undefined {
  if (large >= mostLarge) return undefined
  large++
  return freeLarge.pop() ?? Buffer.allocUnsafeSlow(largeSize)
}

/** A buffer that is not given back, because somebody may still be writing from it: the collector gets it. */
export function giveUp(buffer: Buffer): void {
  if (buffer.length === largeSize) large--
}

/** Gives a buffer back. Nobody may read into it or write from it any more. */
export function giveBack(buffer: Buffer): void {
  if (buffer.length === smallSize) {
    if (freeSmall.length < keptSmall) freeSmall.push(buffer)
    return
  }
  large--
  if (freeLarge.length < keptLarge) freeLarge.push(buffer)
}
