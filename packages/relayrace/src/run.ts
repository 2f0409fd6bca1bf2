/** Serving as a program: workers, signals, logs, the admin port, reloads. */

import cluster from 'node:cluster'
import { unwatchFile, watchFile } from 'node:fs'
import { createWorkers, longest } from '@relayrace/gateway/strategy'
import type { Logger } from 'pino'
import { AggregatorRegistry } from 'prom-client'
import { type Admin, startAdmin, type Told } from './admin.ts'
import type { Settled } from './config.ts'
import { createLogger, logExchange } from './logs.ts'
import { createMetrics } from './metrics.ts'
import { type Serving, serve } from './serve.ts'
import { traceExchanges } from './tracing.ts'

export interface RunOptions {
  /** Reads the configuration again. */
  readonly load: () => Promise<Settled>
  readonly file?: string
  readonly watch: boolean
}

/** How often the file is looked at, in ms: looking works where notice fails, such as a mounted ConfigMap. */
const interval = 500

/** Serves until a signal ends it. @returns the exit code. @throws what starting throws. */
export function run(config: Settled, options: RunOptions): Promise<number> {
  const logger = createLogger(config.log)
  return (config.workers ?? 1) > 1 && cluster.isPrimary
    ? supervise(config, logger)
    : runOne(config, options, logger)
}

async function runOne(config: Settled, { load, file, watch }: RunOptions, logger: Logger): Promise<number> {
  const metrics = createMetrics()
  const stopTracing = traceExchanges()
  const serving = await serve(config, {
    onEnd(summary) {
      metrics.onEnd(summary)
      logExchange(logger, summary)
    },
    log: (error) => logger.error(error),
    programLine: ({ program, instance, stream, text }) =>
      logger[stream === 'stderr' ? 'warn' : 'info']({ program, instance }, `${program}: ${text}`),
  })
  const alone = !cluster.isWorker
  const admin = alone
    ? await adminFor(config, () => serving.close(0), {
        metrics: async () => [await metrics.text(serving), metrics.contentType],
        state: () => ({
          upstreams: serving.sets.all.map((set) => set.state()),
          programs: serving.programs.all.map((one) => one.state()),
        }),
      })
    : undefined
  const readAgain = async (): Promise<void> => {
    try {
      const restart = serving.reload(await load())
      logger.info({ restart: restart.length > 0 ? restart : undefined }, 'configuration read again')
      if (restart.length > 0) logger.warn(`after a restart only: ${restart.join(', ')}`)
    } catch (error) {
      logger.error(`configuration not changed: ${(error as Error).message}`)
    }
  }
  // One after the other: what was read first must not come into force last.
  let reading = Promise.resolve()
  const reload = (): void => {
    reading = reading.then(readAgain)
  }
  process.on('SIGHUP', reload)
  if (file !== undefined && watch) watchFile(file, { interval }, reload)
  // Before anybody is told that it runs: they may end it at once.
  const ended = untilEnded(config, serving, admin, logger)
  if (alone)
    logger.info({ url: serving.url.href, admin: admin?.url.href }, servingText(serving.url.href, admin))
  else process.send?.({ url: serving.url.href })
  const code = await ended
  process.off('SIGHUP', reload)
  if (file !== undefined) unwatchFile(file, reload)
  stopTracing()
  return code
}

/** @param stop Ends what serves already when it cannot be: a program that nobody can look into is none. */
async function adminFor(
  { admin }: Settled,
  stop: () => Promise<unknown>,
  told: Told,
): Promise<Admin | undefined> {
  if (admin === undefined) return undefined
  try {
    return await startAdmin(admin, told)
  } catch (error) {
    await stop()
    throw error
  }
}

const servingText = (url: string, admin: Admin | undefined): string =>
  `serving ${url}${admin === undefined ? '' : `, admin ${admin.url.href}`}`

/** The first signal ends in order: not ready, then nothing new, then what is under way. A second one at once. */
function untilEnded(
  { drain: { delay = 0, grace = 10_000 } = {} }: Settled,
  serving: Serving,
  admin: Admin | undefined,
  logger: Logger,
): Promise<number> {
  return new Promise((resolve) => {
    let ending = false
    const end = async (signal: NodeJS.Signals): Promise<void> => {
      if (ending) {
        if (!cluster.isWorker) process.exit(1)
        return
      }
      ending = true
      logger.info(
        { inFlight: serving.inFlight },
        `${signal}: ending, ${serving.inFlight} exchanges under way`,
      )
      admin?.drain()
      if (signal === 'SIGTERM' && delay > 0)
        await new Promise((done) => setTimeout(done, Math.min(delay, longest)))
      await serving.close(signal === 'SIGTERM' ? grace : 0)
      await admin?.close()
      for (const one of ['SIGTERM', 'SIGINT'] as const) process.off(one, end)
      resolve(0)
      if (cluster.isWorker) process.exit(0)
    }
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, end)
    if (cluster.isWorker) process.on('disconnect', () => process.exit(0))
  })
}

/** Several processes behind one port. SIGUSR2 replaces them one by one, SIGHUP has each read the configuration again. */
async function supervise(config: Settled, logger: Logger): Promise<number> {
  const workers = createWorkers(config.workers ?? 1, (line) => logger.warn(line))
  const aggregate = new AggregatorRegistry()
  process.on('SIGUSR2', () => void workers.replace())
  process.on('SIGHUP', () => workers.signal('SIGHUP'))
  const url = await workers.begin()
  const admin = await adminFor(config, () => workers.end('SIGINT'), {
    metrics: async () => [await aggregate.clusterMetrics(), aggregate.contentType],
    state: () => undefined,
  })
  logger.info({ url, admin: admin?.url.href, workers: config.workers }, servingText(url, admin))
  return new Promise((resolve) => {
    let ending = false
    const end = async (signal: NodeJS.Signals): Promise<void> => {
      if (ending) process.exit(1)
      ending = true
      admin?.drain()
      await workers.end(signal)
      await admin?.close()
      resolve(0)
    }
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, end)
  })
}
