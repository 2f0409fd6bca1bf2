/** For applications: what a gateway offers and can be told, whatever its strategy. The package of every strategy has it too. */

export {
  type ErrorDetails,
  type ErrorSource,
  type ErrorType,
  GatewayError,
  type Phase,
} from './contract/errors.ts'
export { Fields } from './contract/fields.ts'
export type {
  Choice,
  Choose,
  ContentTransform,
  Exchange,
  ExchangeSummary,
  FetchGateway,
  Gateway,
  GatewayOptions,
  HttpGateway,
  Limits,
  Listener,
  ListenOptions,
  Next,
  Origin,
  Outcome,
  PhaseTimes,
  Pool,
  PoolState,
  ReceivedRequest,
  Reply,
  RequestHead,
  ResponseHead,
  Route,
  SocketGateway,
  Strategy,
  Timeouts,
  Transport,
  UnixSocket,
  Upstream,
  UpstreamTls,
} from './contract/gateway.ts'
export type { EndMessage, ErrorMessage, ExchangeMessage, UpstreamMessage } from './exchange/channels.ts'
export { defaultLimits, defaultPool, defaultTimeouts } from './exchange/settings.ts'
export { type GuardedOptions, type GuardOptions, guarded } from './guard/guard.ts'
export { CertificateFiles, type CertificatePaths } from './http/certificates.ts'
export { appendForwarded, preserveHost, setForwarded } from './rules/forwarded.ts'
