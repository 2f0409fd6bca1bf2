/** A line for each exchange, and for what becomes of the program. */

import type { ExchangeSummary } from '@relayrace/gateway'
import { type Logger, pino } from 'pino'
import pretty from 'pino-pretty'

export type LogFormat = 'json' | 'pretty' | 'none'

/** Default: to be read by people on a terminal, JSON everywhere else. */
export function createLogger(format: LogFormat = process.stdout.isTTY ? 'pretty' : 'json'): Logger {
  if (format === 'none') return pino({ level: 'silent' })
  const options = { base: null, timestamp: pino.stdTimeFunctions.isoTime }
  if (format === 'json') return pino(options, pino.destination({ fd: 1, sync: true }))
  // Everything is in the message: a line each, to be read as it passes.
  const stream = pretty({
    colorize: process.stdout.isTTY,
    sync: true,
    hideObject: true,
    translateTime: 'HH:MM:ss',
  })
  return pino(options, stream)
}

/** What is not known is left out. */
export function logExchange(logger: Logger, summary: ExchangeSummary): void {
  const { method, target, status, outcome, errorType, endedBy, route, upstream, attempts } = summary
  const level = outcome === 'failed' ? 'warn' : 'info'
  const ms = Math.round(summary.duration * 1_000) / 1_000
  const why = errorType === undefined ? [] : [`${errorType}, ended by ${endedBy} in ${summary.error?.phase}`]
  const told = [method, target, status, `${summary.responseBytes} B`, `${ms.toFixed(1)} ms`, ...why]
  logger[level](
    {
      client: summary.remoteAddress,
      ...{ method, target, status, outcome, route, upstream, attempts, endedBy },
      error: errorType,
      phase: summary.error?.phase,
      requestBytes: summary.requestBytes,
      responseBytes: summary.responseBytes,
      ms,
    },
    told.join(' '),
  )
}
