/** From answers and figures to one of the candidates, with the reasons. */

import { burdens, type Candidate, candidates, type Feature, features } from './candidates.ts'
import type { Figure, Figures } from './figures.ts'
import { type Answers, jobs, type Starter } from './questions.ts'

export interface Recommendation {
  /** Undefined when nobody can do all that was asked for. */
  readonly name: string | undefined
  readonly ours: boolean
  /** A sentence each. */
  readonly why: readonly string[]
  readonly willNot: readonly string[]
  readonly also: readonly string[]
  /** Who was not chosen, and what for. */
  readonly others: readonly { readonly name: string; readonly why: string }[]
  readonly starter: Starter
}

const documents = 'https://github.com/relayrace/relayrace/blob/main/docs'

/** Closer than this is not told apart: figures travel badly from one machine to another. */
const alike = 1.1

export function recommend(answers: Answers, figures: Figures): Recommendation {
  const job = jobs[answers.job]
  const needed = [...new Set([...job.needs, ...answers.needs, ...placeNeeds(answers)])]
  const judged = candidates
    .filter(({ ours }) => ours === answers.code)
    .map((candidate) => ({ candidate, against: objection(candidate, needed, answers) }))
  const able = judged.filter(({ against }) => against === undefined).map(({ candidate }) => candidate)
  const deciding = answers.weigh === 'memory' ? job.memory : job.processor
  const figure = figures.scenarios[deciding[0]]?.[deciding[1]]
  const chosen = able.find(({ name }) => name === job.made) ?? pick(able, answers, figure)
  return {
    name: chosen?.name,
    ours: chosen?.ours ?? answers.code,
    why: chosen
      ? reasons(chosen.name)
      : ['Nobody here can do all of that: ask for less, or mount two side by side'],
    willNot: chosen?.willNot ?? [],
    also: job.guide === undefined ? job.also : [...job.also, `The guide: ${documents}/${job.guide}.md`],
    others: judged
      .filter(({ candidate }) => candidate !== chosen)
      .map(({ candidate: { name }, against }) => ({
        name,
        why: against ?? measured(name) ?? 'not measured',
      })),
    starter: answers.where === 'web' && job.starter === 'proxy' ? 'handler' : job.starter,
  }

  function reasons(name: string): string[] {
    const asked = needed.map((feature) => features[feature])
    const passed = figures.conformance[name]
    const figureOf = measured(name)
    return [
      ...(name === job.made ? ['It is made for that'] : []),
      ...(asked.length > 0 ? [`It can all that was asked for: ${asked.join('; ')}`] : []),
      ...(answers.weigh === 'surprise' && name !== job.made && able.length > 1
        ? ['Of those that can, it has the least that could surprise']
        : []),
      ...(figureOf === undefined ? [] : [`${figureOf} (${figures.machine}, ${figures.date})`]),
      ...(passed === undefined
        ? []
        : [`${passed.passed} of the ${passed.run} cases of the conformance suite that concern it`]),
    ]
  }

  function measured(name: string): string | undefined {
    const median = figure?.medians[name]
    return figure && median !== undefined
      ? `${deciding[0]}: ${figure.label}, ${median} ${figure.unit}`
      : undefined
  }
}

const placeNeeds = ({ where }: Answers): Feature[] =>
  where === 'framework' ? ['mount'] : where === 'web' ? ['web'] : []

/** Why one is out; undefined when it is not. */
function objection(
  { can, owns }: Candidate,
  needed: readonly Feature[],
  { avoid }: Answers,
): string | undefined {
  const missing = needed.filter((feature) => !can.includes(feature))
  if (missing.length > 0) return `cannot: ${missing.map((feature) => features[feature]).join('; ')}`
  const owned = owns.filter((burden) => avoid.includes(burden))
  return owned.length > 0 ? `has ${owned.map((burden) => burdens[burden]).join('; ')}` : undefined
}

/** The first of those that are as good as the best; of all, where surprises weigh more, or nothing was measured. */
function pick(
  able: readonly Candidate[],
  { weigh }: Answers,
  figure: Figure | undefined,
): Candidate | undefined {
  if (weigh === 'surprise' || figure === undefined) return able[0]
  const cost = ({ name }: { name: string }): number => {
    const median = figure.medians[name] ?? Number.NaN
    return figure.better === 'lower' ? median : 1 / median
  }
  const best = Math.min(...able.map(cost).filter(Number.isFinite))
  return able.find((one) => cost(one) <= best * alike) ?? able[0]
}
