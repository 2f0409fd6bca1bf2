import { fileURLToPath } from 'node:url'
import { startProgram } from '@relayrace/fixtures/target'
import { describe, test } from 'vitest'
import { type Case, cases as everything, type Result, run, type Target } from '../src/index.ts'
import { copying, leaving, logging, meddling, needUnderstanding, overHttp2 } from './broken/caught.ts'

/** One delivery is enough here, and most faults only show in one. */
const cases = everything.map((one): Case => ({ ...one, deliveries: ['coalesced'] }))

const program = (name: string, FAULT: string): Target => ({
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

/** What is to fail is not tried again. What fails besides by time alone is, for the machine may be busy. */
async function verdicts(
  name: string,
  fault: string,
  chosen: readonly Case[],
  ids: readonly string[],
): Promise<readonly Result[]> {
  const deviations = Object.fromEntries(ids.map((id) => [id, 'it is broken']))
  const { results } = await run(program(name, fault), { cases: chosen, lanes: 2, deviations })
  return results.filter(({ verdict }) => verdict !== 'skipped')
}

const idsOf = (results: readonly Result[], passing: boolean): string[] =>
  results.filter(({ verdict }) => (verdict === 'pass') === passing).map(({ id }) => id)

const failing = async (
  name: string,
  fault: string,
  only: readonly string[],
  ids: readonly string[],
): Promise<string[]> => idsOf(await verdicts(name, fault, casesOf(only), ids), false)

const casesOf = (prefixes: readonly string[]): readonly Case[] =>
  cases.filter(({ id }) => prefixes.some((prefix) => id.startsWith(prefix)))

/** But for those that a small gateway on Node.js fails without a fault. */
const ofHttp2 = cases
  .map(({ id }) => id)
  .filter((id) => id.startsWith('H2-') && !['H2-11', 'H2-18', ...leaving].includes(id))

const sound = new Map<string, Promise<readonly Result[]>>()

/** Of the cases that the same gateway passes without the fault, which must be those at least. */
async function caughtBy(
  name: string,
  fault: string,
  only: readonly string[],
  atLeast: readonly string[],
): Promise<string[]> {
  const key = [name, ...only].join()
  const judged = sound.get(key) ?? verdicts(name, '', casesOf(only), needUnderstanding)
  sound.set(key, judged)
  const without = await judged
  const missing = without.filter(({ id, verdict }) => atLeast.includes(id) && verdict !== 'pass')
  if (missing.length > 0)
    throw new Error(`without the fault too: ${missing.map(({ id, why }) => `${id}: ${why}`).join('; ')}`)
  return failing(name, fault, idsOf(without, true), atLeast)
}

describe.concurrent('each way of meddling is caught by the cases meant for it, and by no other', {
  timeout: 300_000,
}, () => {
  test.for(meddling)('%s', async ([fault, only, ids], { expect }) => {
    expect(await caughtBy('meddling', fault, only, ids)).toEqual(ids)
  })

  test.for(overHttp2)('%s, over HTTP/2', async ([fault, ids], { expect }) => {
    expect(await caughtBy('over-h2', fault, ofHttp2, ids)).toEqual(ids)
  })

  test('copies frames as they are', async ({ expect }) => {
    const ids = copying
    expect(await failing('frames', '', ids, ids)).toEqual(ids)
  })

  test('hears nothing after its first GOAWAY', async ({ expect }) => {
    const ids = leaving
    expect(await failing('over-h2', '', ids, ids)).toEqual(ids)
  })

  test('says that all went well', async ({ expect }) => {
    const ids = logging
    expect(await failing('meddling', 'says that all went well', ids, ids)).toEqual(ids)
  })

  test('without a fault it is caught wherever more is asked for than to relay', async ({ expect }) => {
    const beyond = cases.filter(({ id }) => needUnderstanding.includes(id)).map(oneVariant)
    const results = await verdicts('meddling', '', beyond, needUnderstanding)
    expect(results.filter(({ verdict }) => verdict === 'fail').map(({ id }) => id)).toEqual(needUnderstanding)
  })
})

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
