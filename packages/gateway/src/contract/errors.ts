/** What can go wrong with an exchange, whose fault it is, and what the client is told (RFC 9209 §2.3). */

/** The phases of an exchange. Each has a time limit of its own, and an error names the one it happened in. */
export type Phase =
  | 'requestHead'
  | 'dns'
  | 'connect'
  | 'tls'
  | 'requestBody'
  | 'responseHead'
  | 'responseBody'
  | 'drain'
  | 'tunnel'
  | 'idle'
  | 'total'

export type ErrorSource = 'client' | 'upstream' | 'gateway'

/** Proxy error types: the names of RFC 9209 §2.3, and `client_closed`, which never gets onto the wire. */
export type ErrorType =
  | 'dns_timeout'
  | 'dns_error'
  | 'destination_not_found'
  | 'destination_unavailable'
  | 'destination_ip_prohibited'
  | 'destination_ip_unroutable'
  | 'connection_refused'
  | 'connection_terminated'
  | 'connection_timeout'
  | 'connection_read_timeout'
  | 'connection_write_timeout'
  | 'connection_limit_reached'
  | 'tls_protocol_error'
  | 'tls_certificate_error'
  | 'tls_alert_received'
  | 'http_request_error'
  | 'http_request_denied'
  | 'http_response_incomplete'
  | 'http_response_header_section_size'
  | 'http_response_body_size'
  | 'http_response_transfer_coding'
  | 'http_response_timeout'
  | 'http_upgrade_failed'
  | 'http_protocol_error'
  | 'proxy_internal_error'
  | 'proxy_configuration_error'
  | 'proxy_loop_detected'
  | 'client_closed'

/** The recommended status of each type and whose fault it usually is. */
const errorTable: Readonly<Record<ErrorType, readonly [status: number, source: ErrorSource]>> = {
  dns_timeout: [504, 'upstream'],
  dns_error: [502, 'upstream'],
  destination_not_found: [500, 'gateway'],
  destination_unavailable: [503, 'upstream'],
  destination_ip_prohibited: [502, 'gateway'],
  destination_ip_unroutable: [502, 'upstream'],
  connection_refused: [502, 'upstream'],
  connection_terminated: [502, 'upstream'],
  connection_timeout: [504, 'upstream'],
  connection_read_timeout: [504, 'upstream'],
  connection_write_timeout: [504, 'upstream'],
  connection_limit_reached: [503, 'gateway'],
  tls_protocol_error: [502, 'upstream'],
  tls_certificate_error: [502, 'upstream'],
  tls_alert_received: [502, 'upstream'],
  http_request_error: [400, 'client'],
  http_request_denied: [403, 'gateway'],
  http_response_incomplete: [502, 'upstream'],
  http_response_header_section_size: [502, 'upstream'],
  http_response_body_size: [502, 'upstream'],
  http_response_transfer_coding: [502, 'upstream'],
  http_response_timeout: [504, 'upstream'],
  http_upgrade_failed: [502, 'upstream'],
  http_protocol_error: [502, 'upstream'],
  proxy_internal_error: [500, 'gateway'],
  proxy_configuration_error: [500, 'gateway'],
  proxy_loop_detected: [502, 'gateway'],
  client_closed: [499, 'client'],
}

export interface ErrorDetails {
  readonly phase: Phase
  /** Overrides the recommended status of the type. */
  readonly status?: number
  readonly source?: ErrorSource
  /** What may be told to the client: never a host name, an address or a path. */
  readonly detail?: string
  readonly cause?: unknown
}

/** The one error of this project. What is sent to a client comes from `status` and `detail`, never from `cause`. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError'
  readonly type: ErrorType
  readonly status: number
  readonly source: ErrorSource
  readonly phase: Phase

  /** @throws TypeError for a type that is not known, or a status that no client can be told. */
  constructor(type: ErrorType, details: ErrorDetails) {
    const [status, source] = errorTable[type]
    if (details.status !== undefined && !isReplyStatus(details.status))
      throw new TypeError(`A GatewayError has a status from 200 to 599, not ${String(details.status)}`)
    super(
      details.detail ?? type.replaceAll('_', ' '),
      details.cause === undefined ? undefined : { cause: details.cause },
    )
    this.type = type
    this.status = details.status ?? status
    this.source = details.source ?? source
    this.phase = details.phase
  }
}

/** Of an answer of our own: a final one that every version of HTTP can carry (RFC 9110 §15). */
export function isReplyStatus(status: unknown): boolean {
  return Number.isInteger(status) && (status as number) >= 200 && (status as number) <= 599
}

/** The client left: 499 in the summary, nothing on the wire, no error of anybody's. */
export function clientClosed(phase: Phase): GatewayError {
  return new GatewayError('client_closed', { phase })
}

const timeoutTypes: Partial<Record<Phase, ErrorType>> = {
  dns: 'dns_timeout',
  connect: 'connection_timeout',
  tls: 'connection_timeout',
  responseHead: 'http_response_timeout',
  responseBody: 'connection_read_timeout',
  total: 'http_response_timeout',
}

/** The time limit of a phase has passed. A client that is too slow is 408, an upstream 504 (RFC 9110 §15.5.9, §15.6.5). */
export function timedOut(phase: Phase, source?: ErrorSource): GatewayError {
  const detail = `${phase} took too long`
  if (phase === 'drain' && source === 'upstream') {
    return new GatewayError('connection_write_timeout', { phase, detail })
  }
  const type = timeoutTypes[phase]
  if (type !== undefined) return new GatewayError(type, { phase, detail, ...(source && { source }) })
  return new GatewayError('http_request_error', { phase, status: 408, detail })
}

/** Error codes of Node, libuv, OpenSSL, llhttp and undici. Codes are stable where message texts are not. */
const typeOfCode: Readonly<Record<string, ErrorType>> = {
  // Whatever is thrown, nothing else of an object is a code.
  __proto__: null as never,
  ENOTFOUND: 'dns_error',
  EAI_NODATA: 'dns_error',
  EAI_NONAME: 'dns_error',
  EAI_FAIL: 'dns_error',
  EAI_AGAIN: 'dns_error',
  ESERVFAIL: 'dns_error',
  ETIMEOUT: 'dns_timeout',
  ECONNREFUSED: 'connection_refused',
  ENOENT: 'connection_refused',
  EACCES: 'connection_refused',
  EHOSTUNREACH: 'destination_ip_unroutable',
  ENETUNREACH: 'destination_ip_unroutable',
  EADDRNOTAVAIL: 'destination_ip_unroutable',
  ETIMEDOUT: 'connection_timeout',
  UND_ERR_CONNECT_TIMEOUT: 'connection_timeout',
  UND_ERR_HEADERS_TIMEOUT: 'http_response_timeout',
  UND_ERR_BODY_TIMEOUT: 'connection_read_timeout',
  UND_ERR_INVALID_ARG: 'proxy_internal_error',
  UND_ERR_HEADERS_OVERFLOW: 'http_response_header_section_size',
  HPE_HEADER_OVERFLOW: 'http_response_header_section_size',
  EMFILE: 'connection_limit_reached',
  ENFILE: 'connection_limit_reached',
  EPROTO: 'tls_protocol_error',
}

/** Errors that have no code: that of undici's parser has lost its own. */
const typeOfName: Readonly<Record<string, ErrorType>> = {
  __proto__: null as never,
  HTTPParserError: 'http_protocol_error',
}

const certificateCode =
  /^(?:CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE)/

/**
 * Reads a failure of the upstream side. A `GatewayError` is what it is; anything else is known by its code or by a
 * cause's code, or by its name where it has none, never by its message.
 */
export function upstreamFailure(error: unknown, phase: Phase): GatewayError {
  for (let cause = error, depth = 0; cause !== undefined && cause !== null && depth < 8; depth++) {
    if (cause instanceof GatewayError) return cause
    const { code, name } = cause as { code?: unknown; name?: unknown }
    const type =
      typeof code === 'string' ? (typeOfCode[code] ?? patternOfCode(code)) : typeOfName[String(name)]
    if (type !== undefined) return new GatewayError(type, { phase, cause: error })
    const { errors, cause: next } = cause as { errors?: unknown[]; cause?: unknown }
    cause = next ?? errors?.[0]
  }
  const type = phase === 'responseBody' ? 'http_response_incomplete' : 'connection_terminated'
  return new GatewayError(type, { phase, cause: error })
}

/** Whether it is one of a connection or a parser: what a hook throws seldom says so. */
export function isOfConnection(error: unknown): boolean {
  const { code, name } = Object(error) as { code?: unknown; name?: unknown }
  return typeof code === 'string' || String(name) in typeOfName
}

function patternOfCode(code: string): ErrorType | undefined {
  if (code.startsWith('HPE_')) return 'http_protocol_error'
  if (certificateCode.test(code)) return 'tls_certificate_error'
  if (code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) return 'tls_protocol_error'
  return undefined
}

/** Reads what a hook or our own code threw: ours to mend, and no reason to tell a client more than 500. */
export function internalFailure(error: unknown, phase: Phase, status?: number): GatewayError {
  if (error instanceof GatewayError) return error
  return new GatewayError('proxy_internal_error', {
    phase,
    cause: error,
    ...(status === undefined ? {} : { status }),
  })
}

/** The content of a request is gone before it could be sent on. */
export function alreadyRead(): GatewayError {
  return internalFailure(
    new Error('The content of the request has been read already: mount the gateway in front of body parsers'),
    'requestBody',
  )
}

/** The content of a request is more than `limits.requestBody`. */
export function tooLarge(phase: Phase = 'requestBody'): GatewayError {
  return new GatewayError('http_request_error', { phase, status: 413, detail: 'request body too large' })
}
