/** Runs a gateway as a program: options from the environment and the command line, workers, an end in order. */

import cluster from 'node:cluster'
import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { GatewayOptions, Limits, Listener, Pool, Strategy, Timeouts } from '../contract/gateway.ts'
import { nearest } from '../contract/options.ts'
import { defaultLimits, defaultPool, defaultTimeouts } from '../exchange/settings.ts'
import { defaultLargeSize, setReadBuffer } from '../node/buffers.ts'
import { type ForwardedMode, forwardedModes, rewriteFor } from '../rules/forwarded.ts'
import { createLog } from './log.ts'
import { mended } from './mend.ts'
import { type ServerTls, serverTls, tlsFlags, tlsHelp, upstreamTls } from './tls.ts'
import { createWorkers, WorkerFault, type WorkerMessage } from './workers.ts'

const groups = { timeouts: defaultTimeouts, limits: defaultLimits, pool: defaultPool } as const

interface Invocation {
  readonly options: GatewayOptions
  readonly port: number
  readonly host: string
  readonly workers: number
  readonly tls: ServerTls | undefined
  readonly grace: number
  readonly readBuffer: number | undefined
}

/** Bad input: one clear line on standard error, exit code 2. */
class UsageError extends Error {}

/**
 * Never returns by throwing: a fault at start is one line on standard error and exit code 2.
 *
 * @param manifest The package.json of the program, for its version.
 */
export async function runProgram(name: string, strategy: Strategy, manifest: URL): Promise<void> {
  try {
    const values = parse(process.argv.slice(2))
    if (values.help === true) return console.log(help(name))
    if (values.version === true) return console.log(`${name} ${versionIn(manifest)}`)
    const invocation = read(values, process.env)
    if (invocation.workers > 1 && cluster.isPrimary) await supervise(name, invocation)
    else await serve(strategy, invocation)
  } catch (error) {
    stop(name, error)
  }
}

function stop(name: string, error: unknown): void {
  const { code, message, stack } = error as NodeJS.ErrnoException
  const usage = error instanceof UsageError || error instanceof TypeError || code !== undefined
  if (error instanceof WorkerFault) leave(name, message, error.exitCode ?? 1)
  else leave(name, usage ? mended(error) : String(stack), usage ? 2 : 1)
}

/** A worker leaves the word to the primary: the others have the same to say. */
function leave(name: string, reason: string, exitCode: number): void {
  if (cluster.isWorker) {
    tell({ failed: reason }, () => process.exit(exitCode))
  } else {
    console.error(`${name}: ${reason}`)
    process.exit(exitCode)
  }
}

function tell(message: WorkerMessage, done?: () => void): void {
  process.send?.(message, undefined, undefined, done)
}

async function serve(strategy: Strategy, invocation: Invocation): Promise<void> {
  const { options, port, host, tls, grace, readBuffer } = invocation
  if (readBuffer !== undefined) setReadBuffer(readBuffer)
  const gateway = strategy(options)
  // Left alone, it would end the process.
  process.on('SIGUSR2', () => {
    if (!cluster.isWorker)
      console.error(`${gateway.name}: SIGUSR2 replaces workers, and there are none: set WORKERS`)
  })
  endInOrder((signal) => gateway.close(signal === 'SIGTERM' ? grace : 0))
  const listener = await gateway.listen({ port, host, ...(tls !== undefined && { tls: tls.tls }) })
  const { url } = listener
  if (tls !== undefined) keepFresh(gateway.name, tls, listener)
  if (cluster.isWorker) tell({ url: url.href })
  else console.log(`${gateway.name} ${url.href} -> ${upstreamText(options)}`)
}

/** A broken new file is no reason to stop serving the old one. */
function keepFresh(name: string, { files }: ServerTls, listener: Listener): void {
  const told = (error: Error | undefined): void => {
    if (error === undefined) console.error(`${name}: certificates read again`)
    else console.error(`${name}: certificates not changed: ${error.message}`)
  }
  files.serve(listener)
  files.watch(told)
  process.on('SIGHUP', () => told(files.tryReload()))
}

/**
 * The first signal ends in order, a second one at once. To a worker a second one says nothing: where all processes of a
 * program are signalled, as systemd does, its primary passes on what it has already heard. It ends with its primary.
 */
function endInOrder(close: (signal: NodeJS.Signals) => Promise<unknown>): void {
  let ending = false
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      if (ending && cluster.isWorker) return
      if (ending) process.exit(1)
      ending = true
      void close(signal).then(() => process.exit(0))
    })
  }
  if (cluster.isWorker) process.on('disconnect', () => process.exit(0))
}

/** Says where the workers listen once all do. SIGUSR2 replaces them. */
async function supervise(name: string, { workers: count, options, tls }: Invocation): Promise<void> {
  const workers = createWorkers(count, (line) => console.error(`${name}: ${line}`))
  process.on('SIGUSR2', () => void workers.replace())
  if (tls !== undefined) process.on('SIGHUP', () => workers.signal('SIGHUP'))
  endInOrder((signal) => workers.end(signal))
  const url = await workers.begin()
  console.log(`${name} ${url} -> ${upstreamText(options)} (${count} workers)`)
}

function upstreamText({ upstream }: GatewayOptions): string {
  return typeof upstream === 'object' && 'socketPath' in upstream
    ? `unix:${upstream.socketPath}`
    : String(upstream)
}

type Values = Readonly<Record<string, string | boolean | undefined>>

/** @throws UsageError for what is no flag, naming the nearest that is. */
function parse(args: string[]): Values {
  const flags: Record<string, { type: 'string' | 'boolean'; multiple?: boolean; short?: string }> = {
    ...tlsFlags,
    help: { type: 'boolean', short: 'h' },
    version: { type: 'boolean' },
    forwarded: { type: 'string' },
    'preserve-host': { type: 'boolean' },
    log: { type: 'boolean' },
    grace: { type: 'string' },
    'read-buffer': { type: 'string' },
  }
  for (const [group, defaults] of Object.entries(groups)) {
    for (const key of Object.keys(defaults)) flags[`${group}.${key}`] = { type: 'string' }
  }
  try {
    return parseArgs({ args, options: flags, strict: true, allowPositionals: false }).values as Values
  } catch (error) {
    // The rest of what Node says is about the dashes of positional arguments, and there are none.
    const [reason] = (error as Error).message.split(/\.?(?: |\n)(?=To |This |Did )|\.$/)
    const [, unknown] = /^Unknown option '--([^']+)'/.exec(reason as string) ?? []
    const near = unknown === undefined ? undefined : nearest(unknown, Object.keys(flags))
    throw new UsageError(`${reason}. ${near === undefined ? '' : `Did you mean --${near}? `}See --help`)
  }
}

const versionIn = (manifest: URL): string =>
  (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version

/** @throws UsageError */
function read(values: Values, env: NodeJS.ProcessEnv): Invocation {
  const upstream = env.UPSTREAM
  if (upstream === undefined || upstream === '') {
    throw new UsageError('set UPSTREAM to the origin, such as UPSTREAM=http://127.0.0.1:9000')
  }
  const options: GatewayOptions = {
    upstream: upstream.startsWith('unix:') ? { socketPath: upstream.slice(5) } : upstream,
    rewrite: rewriteOf(values.forwarded, values['preserve-host'] === true),
    timeouts: numbers<Timeouts>('timeouts', values),
    limits: numbers<Limits>('limits', values),
    pool: numbers<Pool>('pool', values),
    tls: upstreamTls(values),
    ...(values.log === true && { onEnd: logOnStdout() }),
    ...(env.PSEUDONYM === undefined ? {} : { pseudonym: env.PSEUDONYM }),
  }
  return {
    options,
    port: integer('PORT', env.PORT ?? '0', 0, 65_535),
    host: hostOf(env.HOST ?? '127.0.0.1'),
    workers: integer('WORKERS', env.WORKERS ?? '1', 1, 1_024),
    tls: serverTls(values),
    grace: values.grace === undefined ? 10_000 : duration('--grace', String(values.grace)),
    readBuffer:
      values['read-buffer'] === undefined
        ? undefined
        : integer('--read-buffer', String(values['read-buffer']), 65_536, 67_108_864),
  }
}

/** A reader that has gone away is no reason to stop serving. */
function logOnStdout(): NonNullable<GatewayOptions['onEnd']> {
  process.stdout.on('error', () => {})
  const { log, flush } = createLog((text) => process.stdout.write(text))
  process.on('exit', flush)
  return log
}

function rewriteOf(
  forwarded: string | boolean | undefined,
  host: boolean,
): NonNullable<GatewayOptions['rewrite']> {
  const mode = (forwarded ?? 'set') as ForwardedMode
  if (!forwardedModes.includes(mode))
    throw new UsageError(`--forwarded is one of ${forwardedModes.join(', ')}`)
  return rewriteFor(mode, host)
}

function numbers<T extends object>(group: string, values: Values): Partial<T> {
  const given: Record<string, number> = {}
  for (const [flag, value] of Object.entries(values)) {
    if (!flag.startsWith(`${group}.`) || value === undefined) continue
    given[flag.slice(group.length + 1)] = duration(`--${flag}`, String(value))
  }
  return given as Partial<T>
}

function duration(flag: string, text: string): number {
  const value =
    text === 'Infinity' ? Number.POSITIVE_INFINITY : /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (Number.isNaN(value))
    throw new UsageError(`${flag} takes a whole number or Infinity, not ${JSON.stringify(text)}`)
  return value
}

function integer(variable: string, text: string, least: number, most: number): number {
  if (!/^\d+$/.test(text) || Number(text) < least || Number(text) > most) {
    throw new UsageError(
      `${variable} must be a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`,
    )
  }
  return Number(text)
}

/** Node would listen on all addresses. */
function hostOf(text: string): string {
  if (text.trim() === '') throw new UsageError('HOST must be an address or a name to listen on, not empty')
  return text
}

function help(name: string): string {
  const lines = [
    `Usage: PORT=8080 UPSTREAM=http://127.0.0.1:9000 ${name} [options]`,
    '',
    'Environment',
    '  UPSTREAM   the origin: an http: or https: URL, or unix:/path/to/socket',
    '  PORT       where to listen; 0 (default) takes a free port',
    '  HOST       the address to listen on; default 127.0.0.1',
    '  WORKERS    processes; default 1. SIGUSR2 replaces them one by one, and no exchange is lost',
    '  PSEUDONYM  the name in Via and Proxy-Status; default random',
    '',
    'Options (durations in milliseconds, sizes in bytes; Infinity is no limit)',
    '  --forwarded set|append|none   what to say about the client; default set: what it claims itself is removed',
    "  --preserve-host               send the client's Host upstream",
    '  --log                         a line of JSON on standard output for each exchange',
    '  --grace MS                    how long SIGTERM waits for exchanges in flight; default 10000',
    `  --read-buffer N               what a fast stream reads at once; default ${defaultLargeSize}: less is less memory`,
    '  --version                     prints the version, and starts nothing',
  ]
  for (const [group, defaults] of Object.entries(groups)) {
    for (const [key, value] of Object.entries(defaults))
      lines.push(`${`  --${group}.${key} N`.padEnd(32)}default ${value}`)
  }
  lines.push(...tlsHelp)
  return lines.join('\n')
}
