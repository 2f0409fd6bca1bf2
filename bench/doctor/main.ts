/** `npm run doctor`: is this machine fit to measure on, what is installed, and what can be mended? */

import { styleText } from 'node:util'
import { shippedTargets } from '@relayrace/fixtures/targets'
import { Command, CommanderError } from 'commander'
import { counted } from '../report/numbers.ts'
import { factsOf } from './facts.ts'
import { type Finding, findings } from './findings.ts'

const listenFor = 3_000
const marks = { good: '✓', note: '·', bad: '✗' } as const
const colours = { good: 'green', note: 'yellow', bad: 'red' } as const

const program = new Command('npm run doctor --')
  .description(
    'Says whether figures from this machine can be trusted, what is installed, and how to mend what is not as it should be.',
  )
  .option('--json', 'prints the findings and what they follow from as JSON')
  .helpOption('-h, --help', 'shows this')
  .addHelpText(
    'after',
    '\n✓ as it should be   · to be known   ✗ spoils figures\n\nEnds with 0; with 1 when something spoils figures; with 2 when the command is wrong.',
  )
  .allowExcessArguments(false)
  .exitOverride()

try {
  program.parse()
  const facts = await factsOf(shippedTargets, listenFor)
  const found = findings(facts)
  if (program.opts<{ json?: true }>().json) console.log(JSON.stringify({ findings: found, facts }, null, 2))
  else console.log(text(found, process.stdout.isTTY && !process.env.NO_COLOR))
  process.exitCode = found.some(({ level }) => level === 'bad') ? 1 : 0
} catch (error) {
  if (!(error instanceof CommanderError)) throw error
  process.exitCode = error.exitCode === 0 ? 0 : 2
}

function text(found: readonly Finding[], colour: boolean): string {
  const width = Math.max(...found.map(({ about }) => about.length))
  const lines = found.flatMap(({ about, level, says, mend }) => {
    const mark = colour ? styleText(colours[level], marks[level]) : marks[level]
    return [
      `${mark} ${about.padEnd(width)}  ${says}`,
      ...(mend === undefined || level === 'good' ? [] : [`${' '.repeat(width + 4)}→ ${mend}`]),
    ]
  })
  const bad = found.filter(({ level }) => level === 'bad').length
  return [
    ...lines,
    '',
    bad === 0 ? 'Figures from here can be trusted.' : `${counted(bad, 'finding')} would spoil figures.`,
  ].join('\n')
}
