/** Ceilings as tables: for a terminal and as Markdown. */

import { stripVTControlCharacters, styleText } from 'node:util'
import { markdownTable } from '../report/markdown.ts'
import { counted, number, percent, tick } from '../report/numbers.ts'
import { KiB, MiB, size } from '../scenarios/scenario.ts'
import type { Amounts, Ceilings, Outcome, SearchRecord } from './results.ts'

export const outcomeWords: Readonly<Record<Outcome, string>> = {
  enough: 'enough',
  slower: 'slower',
  killed: 'killed',
  died: 'ended by itself',
  errors: 'errors',
  hang: 'hung',
}

/** MiB to one decimal at most; a dash for what cannot be known. */
export const mebibytes = (bytes: number | null): string =>
  bytes === null ? '–' : tick(Number((bytes / MiB).toFixed(1)))

export interface Column {
  readonly head: string
  readonly unit: string
  readonly about: string
  text(search: SearchRecord): string
}

/** What has grown from rest to peak. */
const grown =
  (key: keyof Amounts) =>
  ({ held }: SearchRecord): string => {
    const [rest, peak] = [held?.rest[key] ?? null, held?.peak[key] ?? null]
    return mebibytes(rest === null || peak === null ? null : Math.max(0, peak - rest))
  }

export const columns: readonly Column[] = [
  {
    head: 'Ceiling',
    unit: 'MiB',
    about: 'The smallest limit under which it still streams at the speed it has to keep.',
    text: ({ ceiling, how }) =>
      ceiling === null ? how : `${mebibytes(ceiling)}${how === 'coarse' ? ' (at most)' : ''}`,
  },
  {
    head: 'Below it',
    unit: '',
    about: 'What happened under the largest limit that was not enough.',
    text: below,
  },
  {
    head: 'Unlimited',
    unit: 'MiB/s',
    about: 'Its speed without a limit.',
    text: ({ unlimited }) => (unlimited === null ? '–' : number(unlimited / MiB)),
  },
  {
    head: 'At rest',
    unit: 'MiB PSS',
    about: 'Proportional set size before the first client came, files of the program included.',
    text: ({ held }) => mebibytes(held?.rest.pss ?? null),
  },
  { head: '+ RSS', unit: 'MiB', about: 'Resident memory: most held less that at rest.', text: grown('rss') },
  {
    head: '+ PSS',
    unit: 'MiB',
    about: 'Proportional set size: most held less that at rest.',
    text: grown('pss'),
  },
  {
    head: '+ V8 heap',
    unit: 'MiB',
    about: 'Used heap of V8: most held less that at rest.',
    text: grown('heap'),
  },
  {
    head: '+ external',
    unit: 'MiB',
    about: 'Buffers outside of V8’s heap: most held less that at rest.',
    text: grown('external'),
  },
  {
    head: '+ TCP',
    unit: 'MiB',
    about: 'TCP buffers of its sockets, where they are counted by group: most held less that at rest.',
    text: grown('tcp'),
  },
  {
    head: '+ TCP, all',
    unit: 'MiB',
    about: 'TCP buffers of the whole machine, client and origin included: most held less that at rest.',
    text: grown('tcpOfMachine'),
  },
]

function below({ below, trials, ceiling }: SearchRecord): string {
  const failed = trials.findLast(({ limit, outcome }) => limit === below && outcome !== 'enough')
  if (failed === undefined) return ceiling === null ? firstProblem(trials) : 'always enough'
  return `${mebibytes(below)}: ${outcomeWords[failed.outcome]}`
}

const firstProblem = (trials: SearchRecord['trials']): string =>
  trials.flatMap(({ problems }) => Object.keys(problems))[0] ?? '–'

/** The least first; those without a ceiling last. */
export const ranked = ({ searches }: Ceilings, job: string): SearchRecord[] =>
  searches
    .filter((search) => search.job === job)
    .toSorted((a, b) => (a.ceiling ?? Number.POSITIVE_INFINITY) - (b.ceiling ?? Number.POSITIVE_INFINITY))

export function terminal(results: Ceilings, colour: boolean): string {
  const paint = (style: 'bold' | 'dim', text: string): string => (colour ? styleText(style, text) : text)
  const blocks = results.jobs.map(({ name, title, question }) => {
    const lines = [
      ['target', ...columns.map(({ head }) => head)].map((text) => paint('bold', text)),
      ['', ...columns.map(({ unit }) => unit)].map((text) => paint('dim', text)),
      ...ranked(results, name).map((search) => [search.target, ...columns.map(({ text }) => text(search))]),
    ]
    return `${paint('bold', title)}  ${paint('dim', name)}\n${paint('dim', question)}\n\n${aligned(lines)}`
  })
  return [...blocks, notes(results).join('\n')].join('\n\n')
}

function aligned(lines: readonly (readonly string[])[]): string {
  const plain = (text = ''): number => stripVTControlCharacters(text).length
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => plain(line[column])))) ?? []
  return lines
    .map((line) =>
      line
        .map((text, column) => {
          const space = ' '.repeat((widths[column] ?? 0) - plain(text))
          return column === 0 ? text + space : space + text
        })
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** What one has to know to read the figures. */
export function notes({ provider, share, resolution, complete, noise }: Ceilings): string[] {
  return [
    `A ceiling is the smallest limit under which the target kept ${number(share * 100)} % of its unlimited speed, every byte right, to within ${size(resolution)}.`,
    `The limit was held by ${provider.name}. It counts ${provider.counts}.`,
    ...provider.passedOver.map(({ name, why }) => `Not by ${name}: ${why}.`),
    'With +: the most held without a limit, less what was held at rest.',
    ...(complete ? [] : ['The run was interrupted: not everything that was asked for is here.']),
    ...noise.objections.map((objection) => `The machine was not quiet: ${objection}.`),
  ]
}

export function markdown(results: Ceilings): string {
  const { environment, noise } = results
  const head = ['Target', ...columns.map(({ head, unit }) => (unit === '' ? head : `${head}, ${unit}`))]
  return `${[
    '# Memory ceilings',
    `${counted(results.searches.length, 'ceiling')}, ${environment.machine}, ${results.createdAt.slice(0, 10)}.`,
    notes(results)
      .map((note) => `- ${note}`)
      .join('\n'),
    ...results.jobs.map(({ name, title, question, load }) =>
      [
        `## ${title}`,
        `*${question}*`,
        load,
        markdownTable(
          head,
          ranked(results, name).map((search) => [search.target, ...columns.map(({ text }) => text(search))]),
        ),
      ].join('\n\n'),
    ),
    '## Provenance',
    `\`\`\`sh\n${results.command}\n\`\`\``,
    [
      `- ${environment.processor}, ${environment.processors} processors, ${(environment.memory / KiB ** 3).toFixed(1)} GiB, ${environment.kernel}`,
      `- Node ${environment.node}; commit ${environment.commit?.slice(0, 12) ?? 'unknown'}${environment.dirty ? ' with changes' : ''}`,
      `- Before the run: load ${noise.load1.toFixed(2)}, processors busy ${percent(noise.busyShare)}, stolen ${percent(noise.stealShare)}`,
      `- Versions: ${results.targets
        .filter(({ version }) => version !== null)
        .map(({ name, version }) => `${name} ${version}`)
        .join(', ')}`,
    ].join('\n'),
  ].join('\n\n')}\n`
}
