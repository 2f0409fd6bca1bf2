/** What Prometheus is told: made from what gateways and upstreams say of themselves. */

import cluster from 'node:cluster'
import type { ExchangeSummary } from '@relayrace/gateway'
import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Serving } from './serve.ts'

export interface Metrics {
  onEnd(summary: ExchangeSummary): void
  /** In the text format of Prometheus. */
  text(serving: Serving): Promise<string>
  readonly contentType: string
}

/** Seconds: from what a small request costs to what a person waits for. */
const seconds = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60]

export function createMetrics(): Metrics {
  const registers = [new Registry()]
  const [registry] = registers as [Registry]
  collectDefaultMetrics({ register: registry })
  if (cluster.isWorker) {
    AggregatorRegistry.setRegistries(registry)
    // It answers the primary.
    new AggregatorRegistry()
  }
  const labels = ['route', 'method', 'status'] as const
  const exchanges = new Counter({
    name: 'relayrace_exchanges_total',
    help: 'Exchanges that have ended, by outcome',
    labelNames: [...labels, 'outcome', 'error'],
    registers,
  })
  const durations = new Histogram({
    name: 'relayrace_exchange_duration_seconds',
    help: 'From the request head to the end of the exchange',
    labelNames: ['route'],
    buckets: seconds,
    registers,
  })
  const heads = new Histogram({
    name: 'relayrace_time_to_head_seconds',
    help: "From the request head to the upstream's response head",
    labelNames: ['route'],
    buckets: seconds,
    registers,
  })
  const bytes = new Counter({
    name: 'relayrace_content_bytes_total',
    help: 'Content relayed, without heads and framing',
    labelNames: ['route', 'direction'],
    registers,
  })
  const attempts = new Counter({
    name: 'relayrace_attempts_total',
    help: 'How often an upstream was asked',
    labelNames: ['route'],
    registers,
  })
  const inFlight = new Gauge({
    name: 'relayrace_exchanges_in_flight',
    help: 'Exchanges under way',
    registers,
  })
  const pool = new Gauge({
    name: 'relayrace_upstream_connections',
    help: 'Connections to upstreams, and who waits for one',
    labelNames: ['state'],
    registers,
  })
  const endpoints = new Gauge({
    name: 'relayrace_endpoint_up',
    help: 'Whether an endpoint may be asked',
    labelNames: ['upstreams', 'endpoint', 'condition'],
    registers,
  })
  const known = new Set(['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'])

  return {
    onEnd(summary) {
      const { route = '', status, outcome, errorType = '' } = summary
      // A client can make up methods, and each would be a series of its own.
      const method = known.has(summary.method) ? summary.method : 'other'
      exchanges.inc({ route, method, status, outcome, error: errorType })
      durations.observe({ route }, summary.duration / 1_000)
      if (summary.timeToHead !== undefined) heads.observe({ route }, summary.timeToHead / 1_000)
      bytes.inc({ route, direction: 'request' }, summary.requestBytes)
      bytes.inc({ route, direction: 'response' }, summary.responseBytes)
      attempts.inc({ route }, summary.attempts)
    },
    async text(serving) {
      inFlight.set(serving.inFlight)
      for (const [state, count] of Object.entries(serving.pool ?? {})) pool.set({ state }, count as number)
      endpoints.reset()
      for (const set of serving.sets.all) {
        const { name, endpoints: members } = set.state()
        for (const member of members) {
          const { condition, id: endpoint } = member as { condition: string; id: string }
          endpoints.set({ upstreams: name, endpoint, condition }, condition === 'up' ? 1 : 0)
        }
      }
      return registry.metrics()
    },
    contentType: registry.contentType,
  }
}
