/** The command: what it is told, and what it answers with. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createRequire } from 'node:module'
import { text } from 'node:stream/consumers'
import { mended } from '@relayrace/gateway/strategy'
import { hashPassword, hashToken } from '@relayrace/router/middleware'
import { Command, CommanderError, Option } from 'commander'
import { burdens } from './choose/candidates.ts'
import type { ChooseFlags } from './choose/command.ts'
import { type JobName, jobs, needs, places, weights } from './choose/questions.ts'
import { type Config, ConfigError, configSchema, parseConfig, type Settled, strategies } from './config.ts'
import { readConfig } from './read.ts'

const { version } = createRequire(import.meta.url)('../package.json') as { version: string }

interface ServeFlags {
  readonly upstream?: string
  readonly strategy?: (typeof strategies)[number]
  readonly port?: string
  readonly host?: string
  readonly adminPort?: string
  readonly workers?: string
  readonly log?: 'json' | 'pretty' | 'none'
  readonly check?: boolean
  readonly watch: boolean
}

/** @returns the exit code: 0, 1 when what was asked for failed, 2 when the command or the configuration is wrong. */
export async function main(args: readonly string[]): Promise<number> {
  let code = 0
  const program = new Command('relayrace')
    .description('An HTTP gateway that streams: in front of one service, or of many.')
    .version(version)
    .exitOverride()
    .showHelpAfterError('(--help says what there is)')
    .configureHelp({ showGlobalOptions: true })

  program
    .command('serve')
    .argument('[config]', 'a file: .yaml, .json or .ts; flags go before what it says')
    .description('serve a configuration, or one upstream')
    .option('--upstream <url>', 'where requests go: a URL, or unix:/path/to/socket')
    .addOption(
      new Option('--strategy <name>', 'how they are relayed (default: pipe-proxy)').choices(strategies),
    )
    .option('--port <number>', 'where to listen; 0 takes a free one (default: 8080)')
    .option('--host <address>', 'the address to listen on (default: 127.0.0.1)')
    .option('--admin-port <number>', 'health, metrics and state on this port, for operators')
    .option('--workers <number>', 'processes; SIGUSR2 replaces them one by one')
    .addOption(new Option('--log <format>', 'a line for each exchange').choices(['json', 'pretty', 'none']))
    .option('--check', 'read the configuration, say what is wrong with it, and serve nothing')
    .option('--no-watch', 'do not read the file again when it changes (SIGHUP does)')
    .addHelpText(
      'after',
      `
Examples:
  relayrace serve --upstream http://127.0.0.1:9000 --strategy duplex-server --port 8080
  relayrace serve relayrace.yaml --check
  relayrace schema > relayrace.schema.json`,
    )
    .action(async (file: string | undefined, flags: ServeFlags) => {
      const load = async (): Promise<Settled> => {
        const given = parseConfig(withFlags(file === undefined ? {} : await readConfig(file), flags))
        // What a file says has been tried; of the flags these two change what comes of it.
        if (file !== undefined && flags.upstream === undefined && flags.strategy === undefined) return given
        const { tryOut } = await import('./trial.ts')
        tryOut(given)
        return given
      }
      const config = await load()
      if (flags.check === true) {
        console.log(`${file ?? 'The command'} is a configuration`)
        return
      }
      const { run } = await import('./run.ts')
      code = await run(config, { load, ...(file !== undefined && { file }), watch: flags.watch })
    })

  const job = (): Option => new Option('--job <name>', 'what it is for').choices(Object.keys(jobs))

  program
    .command('choose')
    .description('which strategy, or which program that is none of ours, for which job, and why')
    .addOption(job())
    .addOption(new Option('--where <place>', 'where it runs (default: node)').choices(Object.keys(places)))
    .addOption(
      new Option('--weigh <what>', 'what weighs most (default: surprise)').choices(Object.keys(weights)),
    )
    .addOption(new Option('--needs <features...>', 'what else it must be able to do').choices(needs))
    .addOption(
      new Option('--avoid <burdens...>', 'what you do not want to own').choices(Object.keys(burdens)),
    )
    .option('--no-code', 'no code of yours has to see what passes')
    .option('--answers <file>', 'answers as JSON; flags go before them')
    .option('--results <file>', 'results.json of a run of the bench of your own')
    .option('--json', 'print answers and recommendation as JSON')
    .option('--write <folder>', 'write a small project with it')
    .addHelpText(
      'after',
      `
Asks on a terminal when --job is not given. Exit codes: 0; 1 when nobody can do all of it; 2 when an answer is wrong.

Examples:
  relayrace choose --job uploads --weigh processor
  relayrace choose --job websocket --needs http2 --write my-proxy`,
    )
    .action(async (flags: ChooseFlags) => {
      const { choose } = await import('./choose/command.ts')
      code = await choose(flags, version)
    })

  program
    .command('init')
    .argument('[folder]', 'where to', 'my-proxy')
    .description('write a small project that runs after npm install')
    .addOption(job().default('api'))
    .addOption(
      new Option('--strategy <name>', 'what it is written with (default: the first that can)').choices(
        strategies,
      ),
    )
    .action(async (folder: string, { job, strategy }: { job: JobName; strategy?: string }) => {
      const { init } = await import('./choose/command.ts')
      code = init(folder, job, strategy, version)
    })

  program
    .command('schema')
    .description('print the JSON Schema of a configuration, for editors')
    .action(() => console.log(JSON.stringify(configSchema(), undefined, 2)))

  program
    .command('hash')
    .description('print the hash of a token, or of a password, that is read from standard input')
    .option('--password', 'of a password: made to be slow')
    .action(async ({ password }: { password?: boolean }) => {
      const secret = (await text(process.stdin)).replace(/\r?\n$/, '')
      if (secret === '')
        throw new ConfigError('nothing came on standard input: printf %s "$TOKEN" | relayrace hash')
      console.log(password === true ? await hashPassword(secret) : hashToken(secret))
    })

  program
    .command('conformance')
    .description('judge a proxy by the conformance suite (@relayrace/conformance)')
    .helpOption(false)
    .allowUnknownOption()
    .argument('[args...]', 'those of the suite: see conformance --help')
    .action(async (rest: string[]) => {
      code = await conformance(rest)
    })

  try {
    await program.parseAsync(args, { from: 'user' })
    return code
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
    return refuse(error)
  }
}

/** A fault of whoever has called it is a line, and anything else a stack. */
function refuse(error: unknown): number {
  const { code, stack } = error as NodeJS.ErrnoException
  const known = error instanceof ConfigError || error instanceof TypeError || code !== undefined
  console.error(known ? mended(error).replace(/^/gm, 'relayrace: ') : stack)
  return known ? 2 : 1
}

function withFlags(config: Config | Settled, flags: ServeFlags): unknown {
  const { upstream, strategy, port, host, adminPort, workers, log } = flags
  const number = (flag: string, text: string, least: number, most: number): number => {
    if (/^\d+$/.test(text) && Number(text) >= least && Number(text) <= most) return Number(text)
    throw new ConfigError(`--${flag} is a number from ${least} to ${most}, not ${text}`)
  }
  const listen = {
    ...config.listen,
    ...(port !== undefined && { port: number('port', port, 0, 65_535) }),
    ...(host !== undefined && { host }),
  }
  return {
    ...config,
    ...(Object.keys(listen).length > 0 && { listen }),
    ...(upstream !== undefined && { upstream }),
    ...(strategy !== undefined && { strategy }),
    ...(adminPort !== undefined && {
      admin: { ...config.admin, port: number('admin-port', adminPort, 0, 65_535) },
    }),
    ...(workers !== undefined && { workers: number('workers', workers, 1, 1_024) }),
    ...(log !== undefined && { log }),
  }
}

async function conformance(args: readonly string[]): Promise<number> {
  let bin: string
  try {
    bin = createRequire(import.meta.url).resolve('@relayrace/conformance/bin')
  } catch {
    console.error(
      'relayrace: the suite is a package of its own: npm install --save-dev @relayrace/conformance',
    )
    return 2
  }
  const child = spawn(process.execPath, [bin, ...args], { stdio: 'inherit' })
  const [code] = await once(child, 'exit')
  return (code as number | null) ?? 1
}
