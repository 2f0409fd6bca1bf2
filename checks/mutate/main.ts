/** The mutations as a command. */

import { seeded } from '@relayrace/fixtures/random'
import { Command, InvalidArgumentError } from 'commander'
import { mutations } from '../mutations/index.ts'
import { described, type Mutation } from '../mutations/mutation.ts'
import { root } from '../workspace.ts'
import { isSeen, type Judged, mutate } from './mutate.ts'

interface Options {
  readonly only: readonly string[]
  readonly sample?: number
  readonly seed: number
  readonly sound: boolean
  readonly within?: number
  readonly list?: true
  readonly json?: true
}

const whole = (text: string): number => {
  if (!/^\d{1,10}$/.test(text)) throw new InvalidArgumentError('It has to be a whole number.')
  return Number(text)
}

const gather = (text: string, before: readonly string[]): string[] => [...before, text.toLowerCase()]

const program = new Command('npm run mutate --')
  .description(
    'Breaks one small thing at a time in a copy of the working tree, runs the tests that must see it, and fails if ' +
      'they pass, or if what is to be broken is no longer there.\n\n' +
      'The exit code is 1 when a mutation was not seen, 2 when the command is wrong, 130 after Ctrl-C.',
  )
  .option(
    '--only <text>',
    'those with this in file, sentence or tests; can be given more than once',
    gather,
    [],
  )
  .option('--sample <number>', 'that many, chosen by the seed', whole)
  .option('--seed <number>', 'of the sample; a new one every time', whole, Date.now() % 2 ** 31)
  .option('--no-sound', 'do not run the tests without a mutation first, where they have just been run')
  .option('--within <seconds>', 'begin no other after that time', whole)
  .option('--list', 'print them, and run nothing')
  .option('--json', 'print the result as JSON')
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : 2))
  .allowExcessArguments(false)
  .parse()

const { only, sample, seed, sound, within, list, json } = program.opts<Options>()

const matching = mutations.filter((mutation) => {
  const text = `${mutation.file} ${mutation.breaks} ${described(mutation.seenBy)}`.toLowerCase()
  return only.length === 0 || only.some((part) => text.includes(part))
})
if (matching.length === 0) {
  console.error('No such mutation.')
  process.exit(2)
}
const chosen = sample === undefined ? matching : sampled(matching, sample)

if (list) {
  for (const one of chosen) console.log(`${one.file}: ${one.breaks} (${described(one.seenBy)})`)
  process.exit(0)
}

const interrupted = new AbortController()
// A terminal and npm both tell us of one Ctrl-C.
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => interrupted.abort())

const of = sample === undefined ? '' : ` of ${matching.length}, seed ${seed}`
console.error(`${chosen.length} mutations${of}`)
let count = 0
const judged = await mutate({
  root,
  mutations: chosen,
  sound,
  signal: interrupted.signal,
  ...(within !== undefined && { within: within * 1000 }),
  onJudged(one) {
    const { mutation, fate, duration } = one
    const seconds = (duration / 1000).toFixed(1)
    console.error(`${++count}/${chosen.length} ${fate} ${seconds} s  ${mutation.file}: ${mutation.breaks}`)
    if (!isSeen(one)) console.error(`    ${why(one)}`)
  },
})

const unseen = judged.filter((one) => !isSeen(one))
const rate = judged.length === 0 ? 0 : (100 * (judged.length - unseen.length)) / judged.length
if (json) console.log(JSON.stringify({ seed, chosen: chosen.length, rate, judged }, undefined, 2))
else {
  for (const one of unseen) {
    console.log(`${one.fate}: ${one.mutation.file}: ${one.mutation.breaks}\n    ${why(one)}`)
  }
  console.log(`${judged.length - unseen.length} of ${judged.length} were seen: ${rate.toFixed(1)} %`)
}
process.exit(interrupted.signal.aborted ? 130 : unseen.length > 0 ? 1 : 0)

function why({ fate, why, mutation }: Judged): string {
  return fate === 'survived' ? `not seen by ${described(mutation.seenBy)}` : why
}

/** In the order of their lots, so that those who have no time for all of them see some from everywhere. */
function sampled(all: readonly Mutation[], size: number): Mutation[] {
  const random = seeded(seed)
  const drawn = all.map((mutation) => ({ mutation, lot: random() }))
  return drawn
    .toSorted((a, b) => a.lot - b.lot)
    .slice(0, size)
    .map(({ mutation }) => mutation)
}
