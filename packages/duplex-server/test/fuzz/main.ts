/** The differential fuzz as a command. */

import { parseArgs } from 'node:util'
import { describe, differential } from './differential.ts'
import { rules } from './rules.ts'

const usage = `Usage: npm run fuzz -- [options]

Reads damaged HTTP/1.1 messages with the parser of duplex-server and with Node's own, and says what they disagree about.
A disagreement that no rule of the standard explains is printed, and makes the exit code 1.

  --count N   how many messages; 1000000
  --seed N    the same seed makes the same messages; a new one every time
`

class UsageError extends Error {}

try {
  process.exitCode = await main(process.argv.slice(2))
} catch (error) {
  const code = (error as NodeJS.ErrnoException).code ?? ''
  if (!(error instanceof UsageError || code.startsWith('ERR_PARSE_ARGS'))) throw error
  console.error(`fuzz: ${(error as Error).message}\nAll options: npm run fuzz -- --help`)
  process.exitCode = 2
}

async function main(argv: string[]): Promise<number> {
  const { values } = parseArgs({
    args: argv,
    options: {
      count: { type: 'string', default: '1000000' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
      help: { type: 'boolean', short: 'h' },
    },
  })
  if (values.help) {
    console.log(usage)
    return 0
  }
  const count = whole('--count', values.count)
  const seed = whole('--seed', values.seed)
  const began = performance.now()
  const seconds = (): string => ((performance.now() - began) / 1000).toFixed(0)
  let tenths = 0
  const { inputs, agreed, explained, unexplained } = await differential(count, seed, (made) => {
    if (Math.floor((10 * made) / count) === tenths) return
    tenths = Math.floor((10 * made) / count)
    console.error(`${tenths * 10} % after ${seconds()} s`)
  })
  for (const found of unexplained) console.log(describe(found))
  for (const { name, sort, section } of rules)
    console.log(`${String(explained.get(name) ?? 0).padStart(8)}  ${sort}: ${name} (${section})`)
  console.log(
    `${inputs} inputs, ${agreed} agreed, ${unexplained.length} unexplained, seed ${seed}, ${seconds()} s`,
  )
  return unexplained.length > 0 ? 1 : 0
}

function whole(option: string, text: string): number {
  if (!/^\d{1,15}$/.test(text)) throw new UsageError(`${option} takes a whole number, not "${text}"`)
  return Number(text)
}
