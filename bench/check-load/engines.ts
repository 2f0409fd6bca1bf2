/** Load generators of others, in C, for the same load as ours: small requests at saturation. */

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { programVersion } from '@relayrace/fixtures/targets'

export interface Engine {
  readonly name: string
  readonly install: string
  version(): Promise<string | undefined>
  argv(url: string, load: EngineLoad): readonly [string, ...string[]]
  /** What it says it has done. @throws when it does not say. */
  read(output: string): Counted
}

export interface EngineLoad {
  readonly connections: number
  readonly seconds: number
}

export interface Counted {
  readonly requests: number
  readonly seconds: number
  /** Answers that were no success, and requests without one. */
  readonly failed: number
}

export const engines: readonly Engine[] = [
  {
    name: 'wrk',
    install: 'npm run peers -- wrk',
    // It shows its version, and ends with 1.
    version: () =>
      programVersion(['wrk', '-v']).catch(
        ({ stdout }: { stdout?: string }) => /\d+\.\d+[^\s]*/.exec(stdout ?? '')?.[0] ?? 'of unknown version',
      ),
    argv: (url, { connections, seconds }) => ['wrk', '-t1', `-c${connections}`, `-d${seconds}s`, url],
    read(output) {
      const [, requests, amount, unit = ''] =
        /(\d+) requests in ([\d.]+)(ms|s|m)/.exec(output) ?? noFigures(output)
      const errors = /Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/.exec(output) ?? []
      const refused = /Non-2xx or 3xx responses: (\d+)/.exec(output)?.[1] ?? 0
      const each = { ms: 0.001, s: 1, m: 60 }[unit] ?? Number.NaN
      return {
        requests: Number(requests),
        seconds: Number(amount) * each,
        failed: [...errors.slice(1), refused].reduce<number>((sum, count) => sum + Number(count), 0),
      }
    },
  },
  {
    name: 'h2load',
    install: 'npm run peers -- nghttp2-client',
    version: () => programVersion(['h2load', '--version']),
    argv: (url, { connections, seconds }) => [
      ...(['h2load', '--h1', '--threads=1', `--clients=${connections}`] as const),
      `--duration=${seconds}`,
      url,
    ],
    read(output) {
      const [, rate] = /finished in [^,]+, ([\d.]+) req\/s/.exec(output) ?? noFigures(output)
      const [, right, failed] = /(\d+) succeeded, (\d+) failed/.exec(output) ?? noFigures(output)
      const other = /status codes: \d+ 2xx, (\d+) 3xx, (\d+) 4xx, (\d+) 5xx/.exec(output) ?? []
      return {
        requests: Number(right),
        seconds: Number(right) / Number(rate),
        failed: [failed, ...other.slice(1)].reduce<number>((sum, count) => sum + Number(count), 0),
      }
    },
  },
]

export async function runEngine(
  engine: Engine,
  url: string,
  load: EngineLoad,
  prefix: readonly string[],
): Promise<Counted> {
  const [file = '', ...args] = [...prefix, ...engine.argv(url, load)]
  const { stdout } = await promisify(execFile)(file, args, { timeout: (load.seconds + 20) * 1000 })
  return engine.read(stdout)
}

function noFigures(output: string): never {
  throw new Error(`there are no figures in what it says: ${output.slice(0, 200)}`)
}
