/** Where everything random begins: a new seed each run, printed when something fails, or `SEED=n`. */

import { seeded } from '@relayrace/fixtures/wire'

export const seed: number =
  process.env.SEED === undefined ? Math.floor(Math.random() * 2 ** 31) : Number(process.env.SEED)

if (!Number.isSafeInteger(seed)) throw new TypeError(`SEED must be an integer: ${process.env.SEED}`)

/** Numbers in [0, 1), the same for the same seed and name. */
export function random(name: string): () => number {
  let salt = seed
  for (let i = 0; i < name.length; i++) salt = (Math.imul(salt, 31) + name.charCodeAt(i)) | 0
  return seeded(salt)
}
