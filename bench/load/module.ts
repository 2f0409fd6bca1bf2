/** What a load is, and what comes of it. */

/** A load is one module, and one line in `index.ts`. */
export interface LoadModule<Asked extends { readonly kind: string }> {
  readonly kind: Asked['kind']
  /** Warms the target up: what it moves does not count, what goes wrong does. */
  warmUp(url: URL, job: Asked): Promise<Outcome>
  /**
   * @param held Awaited while all stand still, by loads that do.
   * @param warmed What came of the warm-up.
   */
  perform(url: URL, job: Asked, held: () => Promise<void>, warmed: Outcome): Promise<Outcome>
  /** How many bytes it moves, if that is what takes its time. */
  bytes?(job: Asked): number
}

export interface Outcome {
  /** From the first byte asked for to the last byte that came. */
  readonly seconds: number
  /** Payload bytes that came back right, or went up and were found right. */
  readonly bytes: number
  /** Exchanges that ended as they should. */
  readonly exchanges: number
  /** What went wrong, and how often. Empty is the only good answer. */
  readonly problems: Readonly<Record<string, number>>
  /** Further numbers, by the metric they feed. */
  readonly values: Readonly<Record<string, number>>
}

/** No byte for this long is a failed exchange. */
export const silenceLimit = 10_000
