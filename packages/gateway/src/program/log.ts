/** One line of JSON for each exchange. */

import type { ExchangeSummary } from '../contract/gateway.ts'

/** Collects the lines of a turn, and writes them at once. Hand `log` to `onEnd`, and call `flush` before the end. */
export interface Log {
  log(summary: ExchangeSummary): void
  flush(): void
}

export function createLog(write: (text: string) => void): Log {
  let text = ''
  let failed = false
  const flush = (): void => {
    if (text === '') return
    const lines = text
    text = ''
    try {
      write(lines)
    } catch (cause) {
      // It runs beside everything, where nobody would catch it.
      if (!failed) process.emitWarning(`A log cannot be written: ${String(cause)}`, 'RelayraceWarning')
      failed = true
    }
  }
  return {
    log(summary) {
      if (text === '') setImmediate(flush)
      text += `${logLine(summary)}\n`
    },
    flush,
  }
}

/** What is not known is left out. JSON escapes whatever a client may have put into its target. */
function logLine(summary: ExchangeSummary): string {
  const { error } = summary
  return JSON.stringify({
    time: new Date().toISOString(),
    gateway: summary.gateway,
    client: summary.remoteAddress,
    method: summary.method,
    target: summary.target,
    upstream: summary.upstream,
    route: summary.route,
    attempts: summary.attempts,
    status: summary.status,
    outcome: summary.outcome,
    error: summary.errorType,
    phase: error?.phase,
    endedBy: summary.endedBy,
    requestBytes: summary.requestBytes,
    responseBytes: summary.responseBytes,
    ms: round(summary.duration),
    msToHead: summary.timeToHead === undefined ? undefined : round(summary.timeToHead),
    msIn: Object.fromEntries(Object.entries(summary.times).map(([phase, ms]) => [phase, round(ms)])),
  })
}

const round = (ms: number): number => Math.round(ms * 1_000) / 1_000
