import { describe, expect, test } from 'vitest'
import { GatewayError, type Phase } from '../src/application.ts'
import { clientClosed, internalFailure, timedOut, upstreamFailure } from '../src/contract/errors.ts'

const coded = (code: string, cause?: unknown): Error => Object.assign(new Error('x', { cause }), { code })

describe('upstreamFailure', () => {
  test.each([
    ['ENOTFOUND', 'dns_error', 502],
    ['EAI_AGAIN', 'dns_error', 502],
    ['ETIMEOUT', 'dns_timeout', 504],
    ['ECONNREFUSED', 'connection_refused', 502],
    ['ENOENT', 'connection_refused', 502],
    ['EHOSTUNREACH', 'destination_ip_unroutable', 502],
    ['ETIMEDOUT', 'connection_timeout', 504],
    ['EMFILE', 'connection_limit_reached', 503],
    ['HPE_HEADER_OVERFLOW', 'http_response_header_section_size', 502],
    ['HPE_INVALID_CONSTANT', 'http_protocol_error', 502],
    ['CERT_HAS_EXPIRED', 'tls_certificate_error', 502],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'tls_certificate_error', 502],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', 'tls_certificate_error', 502],
    ['ERR_SSL_WRONG_VERSION_NUMBER', 'tls_protocol_error', 502],
    ['UND_ERR_INVALID_ARG', 'proxy_internal_error', 500],
    ['UND_ERR_HEADERS_OVERFLOW', 'http_response_header_section_size', 502],
    ['ECONNRESET', 'connection_terminated', 502],
  ])('%s is %s', (code, type, status) => {
    expect(upstreamFailure(coded(code), 'responseHead')).toMatchObject({ type, status })
  })

  test('knows the parser of undici by its name, where it has no code', () => {
    const error = new TypeError('fetch failed', {
      cause: Object.assign(new Error('Invalid header'), { name: 'HTTPParserError', code: undefined }),
    })
    expect(upstreamFailure(error, 'responseHead').type).toBe('http_protocol_error')
  })

  test('finds the code in a cause', () => {
    const error = new TypeError('fetch failed', { cause: coded('ECONNREFUSED') })
    expect(upstreamFailure(error, 'connect').type).toBe('connection_refused')
  })

  test('finds the code in one of several causes', () => {
    expect(upstreamFailure(new AggregateError([coded('EHOSTUNREACH')]), 'connect').type).toBe(
      'destination_ip_unroutable',
    )
  })

  test('leaves an error of ours as it is, also as a cause', () => {
    const ours = timedOut('connect')
    expect(upstreamFailure(ours, 'responseHead')).toBe(ours)
    expect(upstreamFailure(new Error('x', { cause: ours }), 'responseHead')).toBe(ours)
  })

  test('what breaks in the body is an incomplete response', () => {
    expect(upstreamFailure(coded('ECONNRESET'), 'responseBody').type).toBe('http_response_incomplete')
  })

  test('ends with a cause that is its own', () => {
    const error = new Error('round')
    error.cause = error
    expect(upstreamFailure(error, 'responseHead').type).toBe('connection_terminated')
  })

  test('says nothing of its cause to a client', () => {
    const { message } = upstreamFailure(coded('ECONNREFUSED'), 'connect')
    expect(message).toBe('connection refused')
  })
})

test.each([
  ['a code', { code: 'constructor' }],
  ['a name', { name: 'toString' }],
])('%s that any object has says nothing', (_, said) => {
  const thrown = Object.assign(new Error('odd'), said)
  expect(upstreamFailure(thrown, 'connect').type).toBe('connection_terminated')
})

describe('timedOut', () => {
  test.each<[Phase, number, string]>([
    ['requestHead', 408, 'client'],
    ['requestBody', 408, 'client'],
    ['drain', 408, 'client'],
    ['dns', 504, 'upstream'],
    ['connect', 504, 'upstream'],
    ['tls', 504, 'upstream'],
    ['responseHead', 504, 'upstream'],
    ['responseBody', 504, 'upstream'],
  ])('%s: %i, by the %s', (phase, status, source) => {
    expect(timedOut(phase)).toMatchObject({ phase, status, source })
  })

  test('an upstream that takes nothing is to blame itself', () => {
    expect(timedOut('drain', 'upstream')).toMatchObject({ status: 504, source: 'upstream' })
  })
})

test('a client that left is 499', () => {
  expect(clientClosed('responseBody')).toMatchObject({ status: 499, source: 'client', phase: 'responseBody' })
})

test('what a hook throws is ours: 500, and nothing of it is told', () => {
  const cause = new Error('password')
  expect(internalFailure(cause, 'requestHead')).toMatchObject({ status: 500, source: 'gateway', cause })
  expect(internalFailure(cause, 'requestHead').message).not.toContain('password')
  const meant = new GatewayError('http_request_denied', { phase: 'requestHead' })
  expect(internalFailure(meant, 'requestHead')).toBe(meant)
})
