/** `relayrace choose` and `relayrace init`: questions on a terminal, flags elsewhere. */

import { readFileSync } from 'node:fs'
import { cancel, confirm, isCancel, multiselect, select } from '@clack/prompts'
import { z } from 'zod'
import { ConfigError } from '../config.ts'
import { burdens, type Candidate, candidates, features } from './candidates.ts'
import { type Figures, figures, figuresOf } from './figures.ts'
import { type Answers, defaults, type JobName, jobs, needs, places, weights } from './questions.ts'
import { type Recommendation, recommend } from './recommend.ts'
import { writeProject } from './starters.ts'

export interface ChooseFlags {
  readonly job?: JobName
  readonly where?: Answers['where']
  readonly weigh?: Answers['weigh']
  readonly needs?: readonly string[]
  readonly avoid?: readonly string[]
  readonly code: boolean
  readonly answers?: string
  readonly results?: string
  readonly json?: true
  readonly write?: string
}

const names = <T extends object>(of: T) => Object.keys(of) as [keyof T & string, ...(keyof T & string)[]]

const answersSchema = z.strictObject({
  job: z.enum(names(jobs)),
  where: z.enum(names(places)).default(defaults.where),
  weigh: z.enum(names(weights)).default(defaults.weigh),
  needs: z.array(z.enum(needs)).default([]),
  avoid: z.array(z.enum(names(burdens))).default([]),
  code: z.boolean().default(defaults.code),
})

/** @returns the exit code: 0, or 1 when nobody can do all that was asked for, or the questions were left. */
export async function choose(flags: ChooseFlags, version: string): Promise<number> {
  const given = answersFrom(flags)
  const answers = given.job === undefined ? await ask() : checked(given)
  if (answers === undefined) return 1
  const known = flags.results === undefined ? figures : resultsFrom(flags.results)
  const recommendation = recommend(answers, known)
  if (flags.json) console.log(JSON.stringify({ answers, ...recommendation, of: known.date }, undefined, 2))
  else console.log(described(recommendation, answers))
  if (flags.write !== undefined && recommendation.name !== undefined) {
    if (!recommendation.ours)
      throw new ConfigError(
        `no project is written for ${recommendation.name}: leave out --write, or name a strategy by relayrace init --strategy`,
      )
    report(
      writeProject(flags.write, { starter: recommendation.starter, strategy: recommendation.name }, version),
    )
  }
  return recommendation.name === undefined ? 1 : 0
}

/** @param given Default: the first that can do what the job needs. */
export function init(folder: string, job: JobName, given: string | undefined, version: string): number {
  const able = candidates.filter(({ ours, can }) => ours && jobs[job].needs.every((one) => can.includes(one)))
  const strategy = given ?? (able[0] as Candidate).name
  if (!able.some(({ name }) => name === strategy))
    throw new ConfigError(
      `${strategy} cannot do what ${job} needs: ${jobs[job].needs.map((one) => features[one]).join('; ')}. Who can: ${able.map(({ name }) => name).join(', ')}`,
    )
  report(writeProject(folder, { starter: jobs[job].starter, strategy }, version))
  console.log(`\nNext: cd ${folder} && npm install && npm start`)
  return 0
}

const report = (written: readonly string[]): void => {
  for (const file of written) console.error(`written: ${file}`)
}

/** Those of the file, and the flags before them. */
function answersFrom({ answers, job, where, weigh, needs, avoid, code }: ChooseFlags): { job?: unknown } {
  const kept = answers === undefined ? {} : json(answers)
  return {
    ...kept,
    ...(job && { job }),
    ...(where && { where }),
    ...(weigh && { weigh }),
    ...(needs && { needs }),
    ...(avoid && { avoid }),
    ...(!code && { code }),
  }
}

function json(file: string): object {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as object
  } catch (cause) {
    throw new ConfigError(`${file} holds no answers: ${(cause as Error).message}; --json prints some`, {
      cause,
    })
  }
}

function resultsFrom(file: string): Figures {
  return figuresOf(readFileSync(file, 'utf8'), figures.conformance)
}

function checked(given: object): Answers {
  const { data, error } = answersSchema.safeParse(given)
  if (error) throw new ConfigError(z.prettifyError(error))
  return data
}

/** @returns undefined when they leave. */
async function ask(): Promise<Answers | undefined> {
  if (!process.stdin.isTTY)
    throw new ConfigError(
      `say what it is for: --job ${names(jobs).join('|')} (this is no terminal to ask on)`,
    )
  const options = (of: Readonly<Record<string, string>>) =>
    Object.entries(of).map(([value, label]) => ({ value, label }))
  const left = (): undefined => void cancel('Nothing chosen.')

  const job = await select({
    message: 'What is it for?',
    options: names(jobs).map((value) => ({ value, label: jobs[value].label })),
  })
  if (isCancel(job)) return left()
  const code = await confirm({ message: 'Has code of yours to see what passes?' })
  if (isCancel(code)) return left()
  const where = await select({ message: 'Where does it run?', options: options(places) })
  if (isCancel(where)) return left()
  const needed = await multiselect({
    message: 'What else does it need? (space marks, enter goes on)',
    options: needs.map((value) => ({ value, label: features[value] })),
    required: false,
  })
  if (isCancel(needed)) return left()
  const avoid = await multiselect({
    message: 'What do you not want to own?',
    options: options(burdens),
    required: false,
  })
  if (isCancel(avoid)) return left()
  const weigh = await select({ message: 'What weighs most?', options: options(weights) })
  if (isCancel(weigh)) return left()
  return checked({ job, code, where, needs: needed, avoid, weigh })
}

function described(recommendation: Recommendation, { job }: Answers): string {
  const { name, ours, why, willNot, also, others } = recommendation
  const list = (title: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [] : ['', title, ...lines.map((line) => `  - ${line}`)]
  return [
    name === undefined ? 'None' : ours ? `${name}: npm install @relayrace/${name}` : name,
    ...list('Why', why),
    ...list('What it will not do', willNot),
    ...list('Good to know', also),
    ...list(
      'Not chosen',
      others.map(({ name, why }) => `${name}: ${why}`),
    ),
    ...(name !== undefined && ours
      ? ['', 'To begin', `  npx relayrace init my-proxy --job ${job} --strategy ${name}`]
      : []),
  ].join('\n')
}
