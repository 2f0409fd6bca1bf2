/**
 * Spans of OpenTelemetry, made from the diagnostics channels of gateways. They cost nothing, and go nowhere, unless an SDK has
 * been set up in front: `node --import ./tracing.js`.
 */

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import {
  type Context,
  context,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api'
import type { EndMessage, Exchange, ExchangeMessage, UpstreamMessage } from '@relayrace/gateway'

/** By the semantic conventions for HTTP. @returns how to stop. */
export function traceExchanges(): () => void {
  const tracer = trace.getTracer('relayrace')
  const spans = new WeakMap<Exchange, { readonly span: Span; readonly within: Context }>()

  const started = (message: unknown): void => {
    const { exchange } = message as ExchangeMessage
    const { request } = exchange
    const parent = propagation.extract(context.active(), request.fields, {
      get: (fields, key) => fields.get(key),
      keys: (fields) => [...fields].map(([name]) => name),
    })
    const attributes = {
      'http.request.method': request.method,
      'url.path': request.path.split('?')[0] as string,
      'url.scheme': request.secure ? 'https' : 'http',
      'server.address': request.authority,
      ...(request.remoteAddress !== undefined && { 'client.address': request.remoteAddress }),
    }
    const span = tracer.startSpan(request.method, { kind: SpanKind.SERVER, attributes }, parent)
    spans.set(exchange, { span, within: trace.setSpan(parent, span) })
  }

  const asked = (message: unknown): void => {
    const { exchange, request, endpoint } = message as UpstreamMessage
    const known = spans.get(exchange)
    if (known === undefined) return
    known.span.addEvent('upstream', { 'server.address': endpoint.origin, attempt: exchange.attempts })
    propagation.inject(known.within, request.fields, { set: (fields, key, value) => fields.set(key, value) })
  }

  const ended = (message: unknown): void => {
    const { exchange, summary } = message as EndMessage
    const known = spans.get(exchange)
    if (known === undefined) return
    const { span } = known
    span.setAttributes({
      'http.response.status_code': summary.status,
      'http.response.body.size': summary.responseBytes,
      'http.request.body.size': summary.requestBytes,
      ...(summary.route !== undefined && { 'http.route': summary.route }),
      ...(summary.errorType !== undefined && { 'error.type': summary.errorType }),
    })
    if (summary.outcome === 'failed' || summary.status >= 500) span.setStatus({ code: SpanStatusCode.ERROR })
    span.end()
  }

  const channels = { start: started, upstream: asked, end: ended }
  for (const [name, tell] of Object.entries(channels)) subscribe(`relayrace:exchange:${name}`, tell)
  return () => {
    for (const [name, tell] of Object.entries(channels)) unsubscribe(`relayrace:exchange:${name}`, tell)
  }
}
