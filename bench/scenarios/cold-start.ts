import { KiB, MiB, type Scenario, size } from './scenario.ts'

const bytes = KiB
const warmUp = 50

export const coldStart: Scenario = {
  name: 'cold-start',
  title: 'Started cold',
  question:
    'How long is it from the start of the process to the first byte of an answer, and what does it hold then?',
  byName: true,
  cold: true,
  scales: { smoke: {}, quick: {}, full: {} },
  load: () =>
    `A client that is warm waits while the proxy is started, and asks for ${size(bytes)} as soon as it is known where. When memory no longer moves it is read off. Then the client asks once more.`,
  expects: 'Both responses have status 200, the right length and the right bytes.',
  wrong: 'A wrong response, ten seconds without an answer.',
  headline: 'firstAnswer',
  metrics: [
    {
      id: 'firstAnswer',
      label: 'First byte',
      unit: 'ms',
      better: 'lower',
      about:
        'From the start of the process to the first byte of content. Its files have been read before: they are in the page cache.',
    },
    {
      id: 'cpuToRest',
      label: 'CPU',
      unit: 'ms',
      better: 'lower',
      about:
        'Processor time of the proxy from its start until nothing moves any more, both answers included.',
    },
    {
      id: 'resident',
      label: 'At rest',
      unit: 'MiB',
      better: 'lower',
      about:
        'Resident memory then (VmRSS), all its processes together. Not by proportional set size: client and origin run on Node.js too, and would take a part of its program.',
    },
    {
      id: 'anonymous',
      label: 'of it no file',
      unit: 'MiB',
      better: 'lower',
      about: 'The part that is no file of a program or library, and that no other process shares (RssAnon).',
    },
  ],
  job: () => ({ kind: 'first', bytes, warmUp }),
  values({ outcome, used, spawnedAt }) {
    const { answeredAt } = outcome.values
    return {
      firstAnswer: answeredAt === undefined || spawnedAt === undefined ? null : answeredAt - spawnedAt,
      cpuToRest: used ? used.cpu * 1000 : null,
      resident: used ? used.resident / MiB : null,
      anonymous: used ? used.anonymous / MiB : null,
    }
  },
}
