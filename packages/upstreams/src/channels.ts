/** What a set of endpoints tells whoever subscribes with `node:diagnostics_channel`. It costs nothing while nobody does. */

import { type Channel, channel } from 'node:diagnostics_channel'
import type { Exchange, GatewayError } from '@relayrace/gateway'
import type { AttemptOutcome, EndpointState } from './member.ts'

export interface EndpointMessage {
  /** The name of the set. */
  readonly upstreams: string
  readonly endpoint: EndpointState
  readonly why: Change
}

export type Change =
  | 'added'
  | 'removed'
  | 'ejected'
  | 'returned'
  | 'checked-down'
  | 'checked-up'
  | 'draining'
  | 'resumed'

export interface AttemptMessage {
  readonly upstreams: string
  readonly exchange: Exchange
  /** Its id. */
  readonly endpoint: string
  readonly outcome: AttemptOutcome
  readonly error: GatewayError | undefined
}

export interface UnavailableMessage {
  readonly upstreams: string
  readonly exchange: Exchange
}

export interface DiscoveryMessage {
  readonly upstreams: string
  /** Their ids. Undefined when they could not be found: those that there were stay. */
  readonly endpoints: readonly string[] | undefined
  readonly error: unknown
}

/** Whether an endpoint may be asked has changed. `EndpointMessage`. */
export const endpointChanged: Channel = channel('relayrace:upstreams:endpoint')
/** An attempt has ended: once for each. `AttemptMessage`. */
export const attemptEnded: Channel = channel('relayrace:upstreams:attempt')
/** There was no endpoint that may be asked: the client gets 503. `UnavailableMessage`. */
export const unavailable: Channel = channel('relayrace:upstreams:unavailable')
/** Endpoints were looked for, and found or not. `DiscoveryMessage`. */
export const discovered: Channel = channel('relayrace:upstreams:discovery')
