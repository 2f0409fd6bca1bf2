/** Compares our reader with Node's own on damaged messages, and sorts what they disagree about by rule. */

import { seeded } from '@relayrace/fixtures/random'
import { readCorpus } from '@relayrace/promises/damage/corpus'
import { Mutator } from '@relayrace/promises/damage/mutate'
import { readRequests, readResponses } from '@relayrace/promises/damage/node-parser'
import { compare, type Disagreement, type Input } from './compare.ts'
import { rules } from './rules.ts'

export interface Found {
  readonly input: Input
  readonly disagreement: Disagreement
}

export interface Outcome {
  readonly inputs: number
  readonly agreed: number
  /** By the name of the rule: how many disagreements it explains. */
  readonly explained: ReadonlyMap<string, number>
  /** What no rule explains: a few of each sort and reason. */
  readonly unexplained: readonly Found[]
}

const batch = 250
const mostAlike = 6

/** The corpus as it is first, then mutations of it. */
export async function differential(
  count: number,
  seed: number,
  onProgress: (inputs: number) => void = () => {},
): Promise<Outcome> {
  const corpus = readCorpus()
  const random = seeded(seed)
  const explained = new Map<string, number>()
  const unexplained: Found[] = []
  let agreed = 0
  let made = 0

  for (const kind of ['request', 'response'] as const) {
    const entries = corpus.filter((entry) => entry.kind === kind)
    const mutator = new Mutator(random, entries)
    const share = kind === 'request' ? Math.ceil(count * 0.6) : Math.floor(count * 0.4)
    for (let done = 0; done < share; done += batch) {
      const inputs = Array.from({ length: Math.min(batch, share - done) }, (_, i): Input => {
        const text = entries[done + i]?.text ?? mutator.next()
        const to = kind === 'response' && mutator.chance(0.1) ? 'HEAD' : 'GET'
        return { kind, text, to, cuts: mutator.cuts(text.length) }
      })
      const readings =
        kind === 'request' ? await readRequests(inputs.map(({ text }) => text)) : await readResponses(inputs)
      made += inputs.length
      onProgress(made)
      for (const [i, input] of inputs.entries()) {
        const disagreement = compare(input, readings[i] as (typeof readings)[number])
        if (disagreement === undefined) {
          agreed++
          continue
        }
        const rule = rules.find((one) => one.explains(disagreement, input))
        if (rule !== undefined) explained.set(rule.name, (explained.get(rule.name) ?? 0) + 1)
        else {
          const { sort, reason } = disagreement
          const alike = unexplained.filter(
            (one) => one.disagreement.sort === sort && one.disagreement.reason === reason,
          )
          if (alike.length < mostAlike) unexplained.push({ input, disagreement })
        }
      }
    }
  }
  return { inputs: made, agreed, explained, unexplained }
}

/** One disagreement, so that it can be understood and made a test. */
export function describe({ input, disagreement }: Found): string {
  const { sort, reason, rest, ours, nodes } = disagreement
  const shown = (text: string): string => JSON.stringify(text.length > 600 ? `${text.slice(0, 600)}…` : text)
  const message = (read: typeof ours | typeof nodes): string =>
    read === undefined
      ? 'none'
      : `${read.line.join(' ')} ${JSON.stringify(read.raw)} ${read.complete ? 'complete' : 'incomplete'} ${shown(read.content.toString('latin1'))}`
  return [
    `${sort}: ${reason} (${input.kind}, answers ${input.to}, cut at ${input.cuts.join(', ')})`,
    `  bytes: ${shown(rest)}`,
    `  ours:  ${message(ours)}`,
    `  Node:  ${message(nodes)}`,
  ].join('\n')
}
