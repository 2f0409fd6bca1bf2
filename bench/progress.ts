/** Shows a campaign while it runs: a task list on a terminal, plain lines elsewhere. On standard error, always. */

import { Listr, ListrLogger, type ListrTask, ProcessOutput } from 'listr2'
import type { Campaign, Step } from './campaign.ts'
import { duration, listed, number } from './report/numbers.ts'
import type { SampleRecord } from './report/results.ts'

export async function runShowing(campaign: Campaign, signal: AbortSignal): Promise<void> {
  const rounds = Map.groupBy(campaign.steps, ({ round }) => round)
  const tasks = [...rounds].map(
    ([round, steps]): ListrTask => ({
      title: `Round ${round} of ${rounds.size}`,
      task: (_, task) => task.newListr(scenarioTasks(steps, campaign, signal)),
    }),
  )
  const list = new Listr(tasks, {
    concurrent: false,
    // What a Ctrl-C means is decided in one place, and it is not here.
    registerSignalListeners: false,
    renderer: 'default',
    fallbackRenderer: 'simple',
    fallbackRendererCondition: () => !process.stderr.isTTY,
    // A spinner would be a load of its own beside what is measured.
    rendererOptions: { lazy: true, logger: logger(true) },
    fallbackRendererOptions: { logger: logger(false) },
  })
  await list.run().catch((error: unknown) => {
    if (error !== interrupted) throw error
  })
}

/** Ends the list where it is. */
const interrupted = new Error('interrupted')

const logger = (icons: boolean): ListrLogger =>
  new ListrLogger({
    useIcons: icons,
    processOutput: new ProcessOutput(process.stderr, process.stderr),
    toStderr: [],
  })

function scenarioTasks(steps: readonly Step[], campaign: Campaign, signal: AbortSignal): ListrTask[] {
  return [...Map.groupBy(steps, ({ scenario }) => scenario)].map(
    ([scenario, mine]): ListrTask => ({
      title: scenario.name,
      async task(_, task) {
        for (const step of mine) {
          if (process.stderr.isTTY) task.title = `${scenario.name}: ${step.target.name} … ${place(campaign)}`
          const taken = await campaign.take(step)
          if (signal.aborted) throw interrupted
          if (taken) task.output = `${verdict(taken.sample, step)}  ${place(campaign)}${lastWords(taken)}`
        }
        task.title = scenario.name
      },
      rendererOptions: { outputBar: Number.POSITIVE_INFINITY },
    }),
  )
}

function place({ samples, steps, left }: Campaign): string {
  const time = left === undefined ? '' : `, about ${duration(left)} left`
  return `(${samples.length} of ${steps.length}${samples.length === steps.length ? '' : time})`
}

/** Why it went wrong is often what the target said last. */
function lastWords({ sample, said }: { sample: SampleRecord; said: string }): string {
  const lines = Object.keys(sample.problems).length === 0 ? [] : said.trim().split('\n').slice(-3)
  return lines
    .filter(Boolean)
    .map((line) => `\n  ${sample.target} said: ${line.slice(0, 500)}`)
    .join('')
}

function verdict({ target, problems, values }: SampleRecord, { scenario }: Step): string {
  const wrong = Object.keys(problems)
  if (wrong.length > 0) return `${target}: went wrong: ${listed(wrong)}`
  const shown = scenario.metrics.find(({ id }) => id === scenario.headline && values[id] !== null)
  const metric = shown ?? scenario.metrics.find(({ id }) => values[id] !== null && values[id] !== undefined)
  return metric ? `${target}: ${number(values[metric.id] ?? Number.NaN)} ${metric.unit}` : `${target}: done`
}
