/** For what runs wherever `fetch` does: nothing here imports `node:`. */

export {
  alreadyRead,
  clientClosed,
  type ErrorDetails,
  type ErrorSource,
  type ErrorType,
  GatewayError,
  internalFailure,
  type Phase,
  upstreamFailure,
} from './contract/errors.ts'
export { endToEnd, Fields } from './contract/fields.ts'
export type {
  ContentTransform,
  Exchange,
  ExchangeSummary,
  GatewayOptions,
  Origin,
  Outcome,
  ReceivedRequest,
  Reply,
  RequestHead,
  ResponseHead,
  Route,
  Upstream,
} from './contract/gateway.ts'
export { checkOptions, type KnownOptions } from './contract/options.ts'
export { type BodyClock, longest } from './exchange/clock.ts'
export type { SendableReply } from './exchange/hooks.ts'
export { InFlight } from './exchange/in-flight.ts'
export { Known } from './exchange/known.ts'
export { type Around, Life } from './exchange/life.ts'
export type { Incoming } from './exchange/prepare.ts'
export type { Replay } from './exchange/replay.ts'
export { resolveSettings } from './exchange/settings.ts'
export { appendForwarded, preserveHost, setForwarded } from './rules/forwarded.ts'
export { type Framing, hasContent } from './rules/framing.ts'
export { targetOf } from './rules/request.ts'
export { isRoute } from './rules/upstream.ts'
