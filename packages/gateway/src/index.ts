/** What a gateway is, and everything about one that is not its strategy. */

export { Admission } from './admission.ts'
export { type Agents, checkTls, createAgents, type Dialling, probeAfter } from './agents.ts'
export {
  announcedTrailers,
  dropsContent,
  idempotent,
  interimFields,
  sentHead,
  trailersToForward,
} from './answer.ts'
export { ask, mayRepeat, openRequest, servername } from './ask.ts'
export { Attempt } from './attempt.ts'
export { Bound, bindsConnection, type ClientConnection, clientOf } from './bound.ts'
export { giveBack, giveUp, leaseLarge, leaseSmall, provenAfter, shared, smallSize } from './buffers.ts'
export { exchangeEnd, exchangeError, exchangeStart, exchangeUpstream } from './channels.ts'
export { after, BodyClock, longest, type Timer } from './clock.ts'
export { breakOff, endedInOrder, unexpectedEnd, watchCloseNotify } from './close-notify.ts'
export * from './contract.ts'
export { type ByteSource, type PulledAnswer, relay, relayFrom } from './download.ts'
export { clientClosed, internalFailure, timedOut, upstreamFailure } from './errors.ts'
export { type Front, HttpExchange } from './exchange.ts'
export { connectionOptions, endToEnd, isToken, listOfTokens } from './fields.ts'
export {
  type ForwardedMode,
  forwardedModes,
  forwardingFields,
  passedBefore,
  rewriteFor,
} from './forwarded.ts'
export {
  chunked,
  contentLength,
  type Framing,
  hasContent,
  noContent,
  requestFraming,
  responseFraming,
  untilClose,
} from './framing.ts'
export type { Strategy } from './gateway.ts'
export type { SendableReply } from './hooks.ts'
export { type HttpTransport, httpGateway } from './http-gateway.ts'
export { adoptHttp2, Http2Request, Http2Response } from './http2.ts'
export { InFlight, type Pending } from './in-flight.ts'
export { type Around, Life } from './life.ts'
export { bind, lastCall, secureServer, settled } from './listen.ts'
export type { Holding, Places, Taker } from './places.ts'
export {
  agreesWith,
  hostOf,
  type Incoming,
  offeredProtocols,
  sentFraming,
  targetOf,
  wantsTrailers,
} from './prepare.ts'
export { heard, readProgress } from './progress.ts'
export { readingCopies } from './reading.ts'
export { release } from './release.ts'
export { Replay } from './replay.ts'
export { tellResets } from './resets.ts'
export { endpointOf, nearest, type Settings, settle, unknownOption } from './settings.ts'
export { Stopwatch } from './stopwatch.ts'
export { takeOver } from './take-over.ts'
export { createTunnel, type Joined } from './tunnel.ts'
export { contentToSend } from './upload.ts'
export { type Endpoint, endpoint, isHost, isRoute, joinTarget, readTarget } from './upstream.ts'
