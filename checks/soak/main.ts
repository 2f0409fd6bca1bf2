/** The soak as a command. */

import { Command, InvalidArgumentError } from 'commander'
import { soak } from './soak.ts'

const strategies = ['pipe-proxy', 'reverse-proxy', 'dispatch-proxy', 'fetch-proxy', 'duplex-server']

interface Options {
  readonly minutes: number
  readonly seed: number
  readonly strategy: readonly string[]
  readonly clients: number
  readonly node: string
  readonly json?: true
}

const positive = (text: string): number => {
  const value = Number(text)
  if (!(value > 0 && value < 100_000)) throw new InvalidArgumentError('It has to be a number above 0.')
  return value
}

const whole = (text: string): number => {
  if (!/^\d{1,10}$/.test(text)) throw new InvalidArgumentError('It has to be a whole number.')
  return Number(text)
}

const named = (text: string, so: readonly string[] = []): string[] => {
  if (!strategies.includes(text)) throw new InvalidArgumentError(`Known: ${strategies.join(', ')}.`)
  return [...(so === strategies ? [] : so), text]
}

const program = new Command('npm run soak --')
  .description(
    'Mixes ordinary traffic with everything that has ever gone wrong, over HTTP/1.1, TLS and HTTP/2, and demands that ' +
      'descriptors, sockets, exchanges, listeners and the heap end where they were.\n\n' +
      'The exit code is 1 when anything was wrong, 2 when the command is, 130 after Ctrl-C.',
  )
  .option('--minutes <number>', 'under load; settling before and after is not in it', positive, 10)
  .option('--seed <number>', 'of everything random; a new one every time', whole, Date.now() % 2 ** 31)
  .option('--strategy <name>', 'only this one; can be given more than once', named, strategies)
  .option('--clients <number>', 'at once, for each strategy', whole, 12)
  .option('--node <path>', 'the Node.js that runs the gateways', process.execPath)
  .option('--json', 'print the result as JSON')
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .parse()

const { minutes, seed, strategy, clients, node, json } = program.opts<Options>()
const interrupted = new AbortController()
process.once('SIGINT', () => interrupted.abort())
process.once('SIGTERM', () => interrupted.abort())

console.error(`${minutes} minutes of ${strategy.join(', ')}, ${clients} clients each, seed ${seed}`)
const result = await soak({
  duration: minutes * 60_000,
  seed,
  strategies: strategy,
  clients,
  node,
  signal: interrupted.signal,
  report: (line) => console.error(line),
})

if (json) console.log(JSON.stringify(result, undefined, 2))
else {
  for (const { name, visits, before, after, failures } of result.strategies) {
    const exchanges = after.begun - before.begun
    const heap = ((after.heap - before.heap) / 1024 / 1024).toFixed(1)
    console.log(
      `${name}: ${visits} visits, ${exchanges} exchanges, each ended once; descriptors ${before.descriptors} → ${after.descriptors}, heap ${heap} MiB; ${failures.length} failures`,
    )
    for (const failure of failures) console.log(`  ${failure}`)
  }
}
const failed = result.strategies.some(({ failures }) => failures.length > 0)
process.exit(interrupted.signal.aborted ? 130 : failed ? 1 : 0)
