/** Two wires joined: what one says the other hears, an end is passed on as an end, a break as a break. */

import { GatewayError } from '@relayrace/gateway'
import { breakOff, upstreamFailure } from '@relayrace/gateway/strategy'
import type { Limited, Sweep } from './sweep.ts'
import type { Wire, WireEvents } from './wire.ts'

export interface TunnelLimits {
  /** Neither side says anything, in ms. */
  readonly silence: number
  /** One side takes nothing of what is ready for it, in ms. */
  readonly drain: number
}

export class Tunnel implements Limited {
  /** From the client, and to it. */
  sent = 0
  received = 0

  readonly #client: Wire
  readonly #upstream: Wire
  readonly #limits: TunnelLimits
  readonly #sweep: Sweep
  readonly #onClosed: (error: GatewayError | undefined) => void
  #movedAt: number = performance.now()
  #open = 2
  #error: GatewayError | undefined

  constructor(
    client: Wire,
    upstream: Wire,
    limits: TunnelLimits,
    sweep: Sweep,
    onClosed: (error: GatewayError | undefined) => void,
  ) {
    this.#client = client
    this.#upstream = upstream
    this.#limits = limits
    this.#sweep = sweep
    this.#onClosed = onClosed
    sweep.add(this)
  }

  /** What either side listens to from now on. */
  readonly fromClient: WireEvents = this.#end('client')
  readonly fromUpstream: WireEvents = this.#end('upstream')

  check(now: number): void {
    const held = this.#client.paused || this.#upstream.paused
    if (now - this.#movedAt < (held ? this.#limits.drain : this.#limits.silence)) return
    this.cut(new GatewayError('connection_read_timeout', { phase: held ? 'drain' : 'tunnel' }))
  }

  cut(error: GatewayError): void {
    this.#error ??= error
    breakOff(this.#client.socket)
    breakOff(this.#upstream.socket)
  }

  #end(side: 'client' | 'upstream'): WireEvents {
    const here = (): Wire => (side === 'client' ? this.#client : this.#upstream)
    const there = (): Wire => (side === 'client' ? this.#upstream : this.#client)
    return {
      received: (bytes) => {
        this.#movedAt = performance.now()
        if (side === 'client') this.sent += bytes.length
        else this.received += bytes.length
        if (!there().write(here().own(bytes))) here().pause()
      },
      drained: () => {
        this.#movedAt = performance.now()
        there().resume()
      },
      ended: () => there().socket.end(),
      closed: (error) => {
        if (error !== undefined) {
          this.#error ??= side === 'client' ? undefined : upstreamFailure(error, 'tunnel')
          breakOff(there().socket)
        } else {
          there().socket.destroySoon()
        }
        if (--this.#open > 0) return
        this.#sweep.delete(this)
        this.#onClosed(this.#error)
      },
    }
  }
}
