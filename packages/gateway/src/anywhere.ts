/** What of a gateway runs wherever `fetch` does: nothing here imports `node:`. */

export type { BodyClock } from './clock.ts'
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
} from './errors.ts'
export { endToEnd, Fields } from './fields.ts'
export { appendForwarded, preserveHost, setForwarded } from './forwarded.ts'
export { type Framing, hasContent } from './framing.ts'
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
} from './gateway.ts'
export type { SendableReply } from './hooks.ts'
export { InFlight } from './in-flight.ts'
export { type Around, Life } from './life.ts'
export { type Incoming, targetOf } from './prepare.ts'
export type { Replay } from './replay.ts'
export { settle } from './settings.ts'
export { isRoute } from './upstream.ts'
