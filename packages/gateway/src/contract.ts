/** What a program that runs a gateway needs beside its strategy. Every strategy's package has it too. */

export { CertificateFiles, type CertificatePaths } from './certificates.ts'
export type { EndMessage, ErrorMessage, ExchangeMessage, UpstreamMessage } from './channels.ts'
export { type ErrorDetails, type ErrorSource, type ErrorType, GatewayError, type Phase } from './errors.ts'
export { Fields } from './fields.ts'
export { appendForwarded, preserveHost, setForwarded } from './forwarded.ts'
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
  Timeouts,
  Transport,
  UnixSocket,
  Upstream,
  UpstreamTls,
} from './gateway.ts'
export { type GuardedOptions, type GuardOptions, guarded } from './guard.ts'
export { defaultLimits, defaultPool, defaultTimeouts } from './settings.ts'
