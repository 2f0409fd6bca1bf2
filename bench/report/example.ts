/** Made-up results for the tests of the reports. Not measured by anybody. */

import { type Results, type SampleRecord, schemaName } from './results.ts'

const calm = { load1: 0.1, busyShare: 0.01, stealShare: 0, pressureShare: 0 }

/** Per target, the processor seconds per GiB of each round; a text is what went wrong instead. */
export type Figures = Readonly<Record<string, readonly (number | string)[]>>

export function exampleResults(figures: Figures, changes: Partial<Results> = {}): Results {
  const samples = Object.entries(figures).flatMap(([target, values]) =>
    values.map((value, index): SampleRecord => {
      const good = typeof value === 'number'
      return {
        scenario: 'download',
        target,
        round: index + 1,
        position: 0,
        startedAt: '2026-01-02T03:04:05.000Z',
        seconds: 1,
        problems: good ? {} : { [value]: 1 },
        values: good ? { cpuPerGiB: target === 'direct' ? null : value, goodput: 1 / value } : {},
        cpu: { target: null, load: null, origin: null },
        machine: calm,
      }
    }),
  )
  return {
    schema: schemaName,
    createdAt: '2026-01-02T03:04:05.000Z',
    finishedAt: '2026-01-02T03:05:05.000Z',
    complete: true,
    command: 'npm run bench -- --seed 7',
    preset: 'standard',
    seed: 7,
    rounds: Math.max(...Object.values(figures).map(({ length }) => length)),
    base: 'theirs',
    scale: { size: 1024 },
    pinning: { target: '3', others: '0,1,2' },
    environment: {
      machine: '4-core x64 Linux',
      processor: 'Example <CPU> & Co',
      processors: 4,
      memory: 8 * 1024 ** 3,
      kernel: 'Linux 6.0',
      distribution: null,
      hypervisor: null,
      node: 'v26.0.0',
      v8: '14',
      libuv: '1',
      commit: 'abc',
      dirty: false,
      lockfile: 'def',
      sysctls: {},
      notMeasured: [],
    },
    noise: { ...calm, objections: [] },
    targets: [
      ...Object.keys(figures).map((name) => ({
        name,
        kind:
          name === 'direct'
            ? ('control' as const)
            : name === 'ours'
              ? ('strategy' as const)
              : ('peer' as const),
        about: `about ${name}`,
        version: '1',
        install: 'nothing',
        absent: null,
      })),
      {
        name: 'gone',
        kind: 'peer',
        about: 'gone',
        version: null,
        install: 'get it',
        absent: 'not installed; get it',
      },
    ],
    scenarios: [
      {
        name: 'download',
        title: 'One download',
        question: 'What does it cost?',
        load: 'One client.',
        expects: 'Every byte.',
        wrong: 'Any other byte.',
        headline: 'cpuPerGiB',
        metrics: [
          { id: 'cpuPerGiB', label: 'CPU', unit: 's/GiB', better: 'lower', about: 'Processor seconds.' },
          { id: 'goodput', label: 'Goodput', unit: 'GiB/s', better: 'higher', about: 'Payload per second.' },
        ],
      },
    ],
    knownLimits: [],
    samples,
    ...changes,
  }
}
