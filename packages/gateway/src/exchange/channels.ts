/** What gateways tell whoever subscribes with `node:diagnostics_channel`. It costs nothing while nobody does. */

import type { Channel } from 'node:diagnostics_channel'
import type { GatewayError } from '../contract/errors.ts'
import type { Exchange, ExchangeSummary, RequestHead } from '../contract/gateway.ts'
import type { Endpoint } from '../rules/upstream.ts'
import { callOnEnd } from './hooks.ts'
import type { Settings } from './settings.ts'

/** Asked for like this, because what runs in a service worker cannot import it. */
const { channel } = globalThis.process?.getBuiltinModule?.('node:diagnostics_channel') ?? {
  channel: (): Channel => ({ hasSubscribers: false }) as Channel,
}

/** The same `exchange` in every message about it: a key for a `WeakMap` of spans. */
export interface ExchangeMessage {
  /** The strategy's name. */
  readonly gateway: string
  readonly exchange: Exchange
}

export interface UpstreamMessage extends ExchangeMessage {
  readonly endpoint: Endpoint
  /** As it will be sent. Fields may still be added, such as `traceparent`. */
  readonly request: RequestHead
}

export interface ErrorMessage extends ExchangeMessage {
  readonly error: GatewayError
}

export interface EndMessage extends ExchangeMessage {
  readonly summary: ExchangeSummary
}

/** A request head has arrived. `ExchangeMessage`. */
const exchangeStart: Channel = channel('relayrace:exchange:start')
/** It is about to be sent on. Not for what is refused. `UpstreamMessage`. */
const exchangeUpstream: Channel = channel('relayrace:exchange:upstream')
/** It has failed: at most once, before the end. `ErrorMessage`. */
const exchangeError: Channel = channel('relayrace:exchange:error')
/** It is over, however it ended: exactly once. `EndMessage`. */
const exchangeEnd: Channel = channel('relayrace:exchange:end')

/** Whether somebody will want to know how an exchange went. Asked when it starts. */
export function isWatched({ onEnd }: Settings): boolean {
  return onEnd !== undefined || exchangeEnd.hasSubscribers
}

export function tellStart({ name }: Settings, exchange: Exchange): void {
  if (exchangeStart.hasSubscribers) exchangeStart.publish({ gateway: name, exchange })
}

export function tellUpstream(
  { name }: Settings,
  exchange: Exchange,
  endpoint: Endpoint,
  request: RequestHead,
): void {
  if (exchangeUpstream.hasSubscribers)
    exchangeUpstream.publish({ gateway: name, exchange, endpoint, request })
}

export function tellError({ name }: Settings, exchange: Exchange, error: GatewayError): void {
  if (exchangeError.hasSubscribers) exchangeError.publish({ gateway: name, exchange, error })
}

export function tellEnd(settings: Settings, exchange: Exchange & { summary(): ExchangeSummary }): void {
  if (!isWatched(settings)) return
  const summary = exchange.summary()
  callOnEnd(settings, summary)
  if (exchangeEnd.hasSubscribers) exchangeEnd.publish({ gateway: settings.name, exchange, summary })
}
