/** What of a gateway runs wherever `fetch` does: nothing here imports `node:`. */

export { endOf, modified, refusal } from './answer.ts'
export { after, BodyClock, type Timer } from './clock.ts'
export {
  alreadyRead,
  clientClosed,
  type ErrorDetails,
  type ErrorSource,
  type ErrorType,
  GatewayError,
  internalFailure,
  type Phase,
  timedOut,
  upstreamFailure,
} from './errors.ts'
export { endToEnd, Fields } from './fields.ts'
export { appendForwarded, preserveHost, setForwarded } from './forwarded.ts'
export { type Framing, hasContent } from './framing.ts'
export type {
  Exchange,
  ExchangeSummary,
  GatewayOptions,
  Outcome,
  ReceivedRequest,
  Reply,
  RequestHead,
  ResponseHead,
} from './gateway.ts'
export { askOnError, callOnEnd } from './hooks.ts'
export { type Incoming, type Prepared, prepare } from './prepare.ts'
export { type Settings, settle } from './settings.ts'
export { Stopwatch } from './stopwatch.ts'
export { carryBy, endsAttempt, type Repeatable, turnedTo } from './transport.ts'
export type { Endpoint, Origin, Upstream } from './upstream.ts'
