import { fileURLToPath } from 'node:url'
import { startProgram } from '@relayrace/fixtures/target'
import { describe, test } from 'vitest'
import { type Case, cases as everything, type Result, run, type Subject } from '../src/index.ts'

/** One delivery is enough here, and most faults only show in one. */
const cases = everything.map((one): Case => ({ ...one, deliveries: ['coalesced'] }))

const program = (name: string, FAULT: string): Subject => ({
  name: FAULT,
  configurable: true,
  has: ['h2', 'log'],
  start: (upstream, { env, ...options } = {}) =>
    startProgram(
      {
        argv: [process.execPath, fileURLToPath(new URL(`broken/${name}.ts`, import.meta.url))],
        env: { PORT: '0', UPSTREAM: upstream.href, FAULT },
      },
      { ...options, ...(env ? { env } : {}) },
    ),
})

async function verdicts(name: string, fault: string, chosen: readonly Case[]): Promise<readonly Result[]> {
  const { results } = await run(program(name, fault), { cases: chosen, lanes: 2 })
  return results.filter(({ verdict }) => verdict !== 'skipped')
}

const idsOf = (results: readonly Result[], passing: boolean): string[] =>
  results.filter(({ verdict }) => (verdict === 'pass') === passing).map(({ id }) => id)

const failing = async (name: string, fault: string, ids: readonly string[]): Promise<string[]> =>
  idsOf(await verdicts(name, fault, casesOf(ids)), false)

const casesOf = (prefixes: readonly string[]): readonly Case[] =>
  cases.filter(({ id }) => prefixes.some((prefix) => id.startsWith(prefix)))

const sound = new Map<string, Promise<readonly Result[]>>()

/** Of the cases that the same gateway passes without the fault, which must be those at least. */
async function caughtBy(
  name: string,
  fault: string,
  only: readonly string[],
  atLeast: readonly string[],
): Promise<string[]> {
  const key = [name, ...only].join()
  const judged = sound.get(key) ?? verdicts(name, '', casesOf(only))
  sound.set(key, judged)
  const without = await judged
  const missing = without.filter(({ id, verdict }) => atLeast.includes(id) && verdict !== 'pass')
  if (missing.length > 0)
    throw new Error(`without the fault too: ${missing.map(({ id, why }) => `${id}: ${why}`).join('; ')}`)
  return failing(name, fault, idsOf(without, true))
}

const head = ['HDR', 'HOST-04', 'FWD-07', 'FWD-08', 'ERR-10']
const target = ['URI-01', 'URI-05', 'URI-09', 'URI-12', 'SEC-01', 'SEC-02']
const framing = ['FRAME-0', 'TRLR-0', 'SMUG-18', 'SMUG-19']
const upgrade = ['UPG-02', 'UPG-04', 'UPG-09', 'UPG-12', 'UPG-14']

describe.concurrent('each way of meddling is caught by the cases meant for it, and by no other', {
  timeout: 300_000,
}, () => {
  test.for([
    ['introduces itself', head, ['HDR-11']],
    ['writes names in lower case', head, ['HDR-10']],
    ['keeps a hundred fields', ['HDR-1', 'LIMIT-01', 'LIMIT-02'], ['HDR-13', 'LIMIT-01']],
    ['writes Host anew', head, ['HOST-04']],
    ['tells of the client without quotes', ['HDR-1', 'FWD-02'], ['FWD-02']],
    ['drops Max-Forwards', head, ['FWD-08']],
    ['drops Via', head, ['FWD-07']],
    ['drops Proxy-Status', head, ['ERR-10']],

    ['shortens targets', ['LIMIT-01', 'LIMIT-02', 'URI-12'], ['LIMIT-02', 'URI-12']],
    ['drops empty queries', target, ['URI-01', 'URI-05']],
    ['shouts', target, ['URI-09']],
    ['decodes targets', target, ['URI-01', 'SEC-02']],
    ['decodes Location', target, ['SEC-02']],
    ['goes where it is told', target, ['SEC-01']],

    ['makes fields of trailers', framing, ['TRLR-04', 'SMUG-18']],
    ['drops framing that Connection nominates', framing, ['SMUG-19']],
    ['drops trailers', framing, ['TRLR-01']],
    ['chunks anew', framing, ['FRAME-05']],
    ['measures chunks', framing, ['FRAME-06', 'FRAME-09', 'TRLR-03']],

    ['makes GET of HEAD', ['NOBODY'], ['NOBODY-01']],
    ['invents a length', ['NOBODY'], ['NOBODY-09']],
    ['drops a length of nothing', ['NOBODY'], ['NOBODY-10']],
    ['waits for the content of 304', ['NOBODY'], ['NOBODY-02', 'NOBODY-05', 'NOBODY-07']],
    ['ends chunks that never began', ['NOBODY'], ['NOBODY-05']],
    ['leaves nothing unframed', ['NOBODY'], ['NOBODY-06']],
    ['hides the length of what it does not send', ['NOBODY'], ['NOBODY-07']],

    ['asks for all', ['PASS'], ['PASS-02']],
    ['drops conditions', ['PASS'], ['PASS-02', 'PASS-03']],
    ['drops the coding of an upload', ['PASS'], ['PASS-08']],
    ['has a taste of its own', ['PASS'], ['PASS-07']],
    ['drops validators', ['PASS'], ['PASS-01', 'PASS-03', 'PASS-09']],
    ['drops the coding', ['PASS'], ['PASS-01']],
    ['compresses', ['PASS'], ['PASS-06', 'PASS-07']],
    ['writes types anew', ['PASS'], ['PASS-02', 'PASS-09']],
    ['drops challenges', ['PASS'], ['PASS-10']],
    ['has pages of its own', ['PASS'], ['PASS-02', 'PASS-10', 'PASS-11']],
    ['writes ASCII', ['PASS'], ['PASS-12']],
    ['calls it 200', ['PASS'], ['PASS-02', 'PASS-04', 'PASS-13']],
    ['follows redirects', ['PASS-04', 'SEC-04'], ['PASS-04', 'SEC-04']],

    ['waits for content', ['FLUSH', 'FRAME-0'], ['FLUSH-03']],
    ['dallies upstream', ['FLUSH'], ['FLUSH-03', 'FLUSH-07', 'FLUSH-08']],
    [
      'dallies downstream',
      ['FLUSH'],
      ['FLUSH-01', 'FLUSH-02', 'FLUSH-04', 'FLUSH-05', 'FLUSH-06', 'FLUSH-08'],
    ],
    ['insists on 100', ['INFO'], ['INFO-07']],
    ['answers when it was asked', ['DUPLX-01', 'FRAME-0'], ['DUPLX-01']],
    ['sends the rest elsewhere', ['DUPLX-03', 'DUPLX-07'], ['DUPLX-03', 'DUPLX-07']],

    ['agrees too soon', upgrade, ['UPG-02', 'UPG-04', 'UPG-12']],
    ['knows only WebSocket', upgrade, ['UPG-09', 'UPG-14']],
    ['understands nothing after Upgrade', upgrade, ['UPG-12']],
    ['hurries', ['UPG-16'], ['UPG-16']],

    ['asks again, whatever it was', ['POOL-0', 'POOL-1'], ['POOL-04']],
    ['does not notice that the origin has left', ['POOL-05'], ['POOL-05']],
    ['asks for one thing at a time', ['POOL-01', 'POOL-11'], ['POOL-11']],
    ['remembers everything', ['STRM-09'], ['STRM-09']],
  ] as const)('%s', async ([fault, only, ids], { expect }) => {
    expect(await caughtBy('meddling', fault, only, ids)).toEqual(ids)
  })

  test.for([
    ['relays what is nominated', ['H2-01']],
    ['ends what was cut off', ['H2-02']],
    ['leaves the origin alone', ['H2-02', 'H2-05']],
    ['has only final responses', ['H2-03']],
    ['forgets uploads', ['H2-02', 'H2-06']],
    ['serves CONNECT', ['H2-07']],
    ['knows one status', ['H2-08']],
    ['ends the connection', ['H2-09']],
    ['says HTTP/1.1', ['H2-10']],
    ['resets what HTTP/2 forbids', ['H2-12']],
    ['ends with large heads', ['H2-13']],
  ] as const)('%s, over HTTP/2', async ([fault, ids], { expect }) => {
    expect(await caughtBy('over-h2', fault, ['H2-0', 'H2-10', 'H2-12', 'H2-13'], ids)).toEqual(ids)
  })

  test('copies frames as they are', async ({ expect }) => {
    const ids = ['H2-04', 'H2-05', 'H2-11']
    expect(await failing('frames', '', ids)).toEqual(ids)
  })

  test('says that all went well', async ({ expect }) => {
    const ids = ['ERR-06', 'OBS-01', 'OBS-02']
    expect(await failing('meddling', 'says that all went well', ids)).toEqual(ids)
  })

  test('without a fault it is caught wherever more is asked for than to relay', async ({ expect }) => {
    const beyond = cases.filter(({ id }) => needUnderstanding.includes(id)).map(oneVariant)
    const { results } = await run(program('meddling', ''), { cases: beyond, lanes: 4 })
    expect(results.filter(({ verdict }) => verdict === 'fail').map(({ id }) => id)).toEqual(needUnderstanding)
  })
})

const needUnderstanding: readonly string[] = [
  'FRAME-07',
  'FRAME-08',
  'FRAME-11',
  'HDR-01',
  'HDR-02',
  'HDR-03',
  'HDR-05',
  'HDR-06',
  'HDR-12',
  'CANC-07',
  'CANC-09',
  'INFO-08',
  'UPG-01',
  'UPG-03',
  'UPG-10',
  'UPG-11',
  'UPG-13',
  'UPG-17',
  'UPG-18',
  'NOBODY-03',
  'NOBODY-08',
  'PASS-05',
  'SMUG-01',
  'SMUG-02',
  'SMUG-03',
  'SMUG-04',
  'SMUG-05',
  'SMUG-06',
  'SMUG-07',
  'SMUG-08',
  'SMUG-09',
  'SMUG-10',
  'SMUG-11',
  'SMUG-13',
  'SMUG-14',
  'SMUG-15',
  'SMUG-16',
  'SMUG-17',
  'SMUG-20',
  'SMUG-21',
  'SMUG-22',
  'SMUG-23',
  'LIMIT-04',
  'LIMIT-05',
  'LIMIT-06',
  'LIMIT-07',
  'LIMIT-08',
  'LIMIT-09',
  'LIMIT-10',
  'LIMIT-11',
  'LIMIT-12',
  'POOL-02',
  'POOL-03',
  'POOL-09',
  'FWD-01',
  'FWD-04',
  'FWD-05',
  'FWD-06',
  'FWD-09',
  'URI-03',
  'URI-04',
  'URI-06',
  'URI-07',
  'URI-10',
  'URI-11',
  'URI-13',
  'HOST-01',
  'HOST-02',
  'ERR-01',
  'ERR-02',
  'ERR-03',
  'ERR-04',
  'ERR-05',
  'ERR-08',
  'ERR-09',
  'ERR-11',
  'ERR-12',
  'ERR-13',
  'ERR-14',
  'ERR-15',
  'SEC-03',
  'SEC-06',
]

/** Where the first variant asks for nothing but to relay. */
const telling: Readonly<Record<string, string>> = {
  'NOBODY-03': 'with Content-Length: 0',
  'PASS-05': 'no space before no phrase',
  'SMUG-22': '2^64',
  'LIMIT-08': 'a line of 1 MiB without an end',
  'POOL-02': 'HTTP/1.0',
  'POOL-09': 'a response in progress',
  'FWD-01': 'without trust',
  'URI-03': 'a tab',
  'URI-06': 'GET *',
  'HOST-02': 'to an IPv6 address',
  'ERR-03': 'a chunk size that is none',
  'ERR-08': 'no HTTP',
}

/** One is enough, and many wait for what never comes. */
function oneVariant(one: Case): Case {
  if (typeof one.run === 'function') return one
  const chosen = telling[one.id] ?? Object.keys(one.run)[0]
  return { ...one, run: Object.fromEntries(Object.entries(one.run).filter(([name]) => name === chosen)) }
}
