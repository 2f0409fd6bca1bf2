/** Random numbers that a seed repeats: the order of a run and the bootstrap can be had again. */

export type Random = () => number

/** Mulberry32: 32 bits of state, uniform in [0, 1). Good enough to shuffle and to resample, not for secrets. */
export function randomFrom(seed: number): Random {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** A new array in random order (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const order = [...items]
  for (let last = order.length - 1; last > 0; last--) {
    const pick = Math.floor(random() * (last + 1))
    ;[order[last], order[pick]] = [order[pick] as T, order[last] as T]
  }
  return order
}
