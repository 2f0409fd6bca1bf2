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
  ContentTransform,
  Exchange,
  ExchangeSummary,
  GatewayOptions,
  Outcome,
  ReceivedRequest,
  Reply,
  RequestHead,
  ResponseHead,
  Route,
} from './gateway.ts'
export { askOnError, callOnEnd, type SendableReply } from './hooks.ts'
export { type Admitted, admit, type Incoming, type Prepared, prepare, targetOf } from './prepare.ts'
export { Replay } from './replay.ts'
export { originOf, type Settings, settle } from './settings.ts'
export { Stopwatch } from './stopwatch.ts'
export { allowRedirect, carryBy, endsAttempt, type Repeatable } from './transport.ts'
export { type Endpoint, isRoute, type Origin, type Upstream } from './upstream.ts'
