/**
 * What somebody who stands around exchanges knows of each. It is kept on the exchange itself: a WeakMap, which would say the
 * same, takes several times as long for each of them, and makes the garbage collector look at all.
 */

import type { Exchange } from '../contract/gateway.ts'

export class Known<T> {
  readonly #key = Symbol()

  of(exchange: Exchange): T | undefined {
    return (exchange as Keeper<T>)[this.#key]
  }

  set(exchange: Exchange, value: T | undefined): void {
    ;(exchange as Keeper<T>)[this.#key] = value
  }
}

type Keeper<T> = Exchange & { [key: symbol]: T | undefined }
