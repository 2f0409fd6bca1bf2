import { type Bulk, bulkScales, transferMetrics, transferValues } from './bulk.ts'
import { type Scenario, size } from './scenario.ts'

export const upload: Scenario<Bulk> = {
  name: 'upload',
  title: 'One upload',
  question: 'What does it cost to relay one large request, and does memory grow with it?',
  scales: bulkScales,
  load: (scale) =>
    `One client sends one body of ${size(scale.size)} with a Content-Length, as fast as it is taken.`,
  expects: 'The origin says that it got exactly that many bytes and that every one was in its place.',
  wrong: 'Another status, another count, one wrong byte, ten seconds of silence.',
  headline: 'cpuPerGiB',
  metrics: [
    ...transferMetrics,
    {
      id: 'answerAfter',
      label: 'Answer after',
      unit: 'ms',
      better: 'lower',
      about:
        'From when the client had handed over its last byte to the answer: what was stored on the way has to drain first.',
    },
  ],
  job: (scale) => ({ kind: 'upload', bytes: scale.size, warmUp: scale.warmUp }),
  values: (sample) => ({ ...transferValues(sample), answerAfter: sample.outcome.values.answerAfter ?? null }),
}
