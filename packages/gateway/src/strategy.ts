/** For the authors of strategies: everything about a gateway on Node.js that is not its strategy. */

export {
  clientClosed,
  internalFailure,
  isOfConnection,
  timedOut,
  upstreamFailure,
} from './contract/errors.ts'
export { connectionOptions, endToEnd } from './contract/fields.ts'
export { checkOptions, type KnownOptions, nearest, unknownOption } from './contract/options.ts'
export { Attempt } from './exchange/attempt.ts'
export { after, longest, type Timer } from './exchange/clock.ts'
export type { SendableReply } from './exchange/hooks.ts'
export { InFlight, type Pending } from './exchange/in-flight.ts'
export { type Around, Life } from './exchange/life.ts'
export type { Incoming } from './exchange/prepare.ts'
export { Replay } from './exchange/replay.ts'
export { endpointOf, resolveSettings, type Settings, settleNumbers } from './exchange/settings.ts'
export { Stopwatch } from './exchange/stopwatch.ts'
export { type Agents, checkTls, createAgents, type Dialling, probeAfter } from './http/agents.ts'
export { ask, mayRepeat, openRequest, servername, tlsToward } from './http/ask.ts'
export { type ByteSource, Download, relay, relayFrom } from './http/download.ts'
export { HttpExchange } from './http/exchange.ts'
export { type Carrier, httpGateway } from './http/http-gateway.ts'
export { adoptHttp2 } from './http/http2.ts'
export { bind, checkListen, closingPatience, secureServer, waitUntil } from './http/listen.ts'
export type { Holding, Places, Taker } from './http/places.ts'
export { createTunnel, type Joined } from './http/tunnel.ts'
export { contentToSend } from './http/upload.ts'
export { Admission } from './node/admission.ts'
export { Bound, bindsConnection, type ClientConnection, clientOf } from './node/bound.ts'
export { giveBack, giveUp, leaseLarge, leaseSmall, provenAfter, shared, smallSize } from './node/buffers.ts'
export { breakOff, endedInOrder, unexpectedEnd, watchCloseNotify } from './node/close-notify.ts'
export { heard, readProgress } from './node/progress.ts'
export { readingCopies } from './node/reading.ts'
export { release } from './node/release.ts'
export { detectResets } from './node/resets.ts'
export { takeOver } from './node/take-over.ts'
export { mended } from './program/mend.ts'
export { runProgram } from './program/program.ts'
export { createWorkers } from './program/workers.ts'
export { forwardingFields, rewriteFor } from './rules/forwarded.ts'
export {
  chunked,
  contentLength,
  type Framing,
  hasContent,
  noContent,
  requestFraming,
  responseFraming,
  untilClose,
} from './rules/framing.ts'
export {
  agreesWith,
  hostOf,
  offeredProtocols,
  sentFraming,
  targetOf,
  wantsTrailers,
} from './rules/request.ts'
export {
  announcedTrailers,
  dropsContent,
  idempotent,
  interimFields,
  sentHead,
  trailersToForward,
} from './rules/response.ts'
export {
  type Endpoint,
  endpoint,
  isHost,
  isRoute,
  joinTarget,
  readTarget,
  withTls,
} from './rules/upstream.ts'
