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
/** What a fast stream reads at once by default: decision 7 has the figures. */
export const defaultLargeSize: number = 1024 * 1024
/** Kernel buffers of the two hops swallow about this much before a receiver that never reads is noticed. */
export const provenAfter: number = 16 * 1024 * 1024
/** Large buffers at once, over all streams. The next stream keeps its small one. */
const mostLarge = 64

export const shared: Buffer = Buffer.allocUnsafeSlow(sharedSize)

let largeSize = defaultLargeSize
/** For those that use up or copy what they have read before anybody else can read, as `shared`. Made when first asked for. */
let sharedLarge: Buffer<ArrayBuffer> | undefined

/**
 * How much every fast stream of this process reads at once from now on, in bytes: more is less processor time and more
 * memory.
 *
 * @throws RangeError for less than 64 KiB, or more than 64 MiB.
 */
export function setReadBuffer(size: number): void {
  if (!Number.isInteger(size) || size < sharedSize || size > 64 * 1024 * 1024)
    throw new RangeError(`a read buffer has 65536 to 67108864 bytes, not ${size}`)
  largeSize = size
  sharedLarge = undefined
  freeLarge.length = 0
}

export function largeShared(): Buffer<ArrayBuffer> {
  sharedLarge ??= Buffer.allocUnsafeSlow(largeSize)
  return sharedLarge
}

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
  if (buffer.length !== smallSize) large--
}

/** Gives a buffer back. Nobody may read into it or write from it any more. */
export function giveBack(buffer: Buffer): void {
  if (buffer.length === smallSize) {
    if (freeSmall.length < keptSmall) freeSmall.push(buffer)
    return
  }
  large--
  // One of another size was leased before the size was set.
  if (buffer.length === largeSize && freeLarge.length < keptLarge) freeLarge.push(buffer)
}
