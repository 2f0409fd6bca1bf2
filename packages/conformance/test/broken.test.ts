import { fileURLToPath } from 'node:url'
import { startProgram } from '@relayrace/fixtures/target'
import { describe, test } from 'vitest'
import type { Case } from '../src/case.ts'
import { canc } from '../src/cases/canc.ts'
import { frame } from '../src/cases/frame.ts'
import { hdr } from '../src/cases/hdr.ts'
import { info } from '../src/cases/info.ts'
import { strm } from '../src/cases/strm.ts'
import { trlr } from '../src/cases/trlr.ts'
import { trunc } from '../src/cases/trunc.ts'
import { cases as everything, type Result, run, type Target } from '../src/index.ts'
import { beyondBase, chosen, oneAddress } from './broken/caught.ts'

/**
 * One delivery is enough here. Left out is what these gateways do not even try, such as interim responses, trailers and
 * a lingering close, and what takes long and shows nothing new.
 */
const cases: readonly Case[] = [...frame, ...hdr, ...strm, ...canc, ...trunc, ...trlr, ...info]
  .filter(({ id }) => !/^(?:CANC-(?:09|11)|STRM-0[2-689]|TRLR-01|INFO-(?:0[128]|10))$/.test(id))
  .map((one) => ({ ...one, deliveries: ['coalesced'] }))

/**
 * Of what understands no HTTP only the handling of connections is of interest. And who has left in one way may be waited
 * for in vain; two ways take twice as long.
 */
function casesFor(name: string): readonly Case[] {
  if (name === 'sound') return cases
  const chosen =
    name === 'relay' || name === 'reuses-dirty' ? cases.filter(({ id }) => ofConnections.test(id)) : cases
  return chosen.map((one) => (/^(?:CANC|TRUNC-08)/.test(one.id) ? withOneVariant(one) : one))
}

/** Each leaves something behind for the next, so what comes after them is not to be relied on. */
const ofConnections = /^(?:FRAME-0[1-6]|CANC-0[1-48]|TRUNC-08)$/

function withOneVariant(one: Case): Case {
  return typeof one.run === 'function'
    ? one
    : { ...one, run: Object.fromEntries(Object.entries(one.run).slice(0, 1)) }
}

const gateway = (name: string): Target => ({
  name,
  start: (upstream, options) =>
    startProgram(
      {
        argv: [process.execPath, fileURLToPath(new URL(`broken/${name}.ts`, import.meta.url))],
        env: { PORT: '0', UPSTREAM: upstream.href },
      },
      options,
    ),
})

const failures = new Map<string, Promise<string[]>>()

/** Those that are `known` to fail are not tried again. What fails besides by time alone is, for the machine may be busy. */
function failing(name: string, known: readonly string[] = []): Promise<string[]> {
  const before = failures.get(name)
  if (before) return before
  const found = run(gateway(name), { cases: casesFor(name), lanes: 2, deviations: broken(known) }).then(
    ({ results }) =>
      results.filter(({ verdict }) => verdict !== 'pass' && verdict !== 'skipped').map(({ id }) => id),
  )
  failures.set(name, found)
  return found
}

const broken = (ids: readonly string[]): Record<string, string> =>
  Object.fromEntries(ids.map((id) => [id, 'it is broken']))

async function judged(
  name: string,
  only: readonly string[],
  known: readonly string[],
): Promise<readonly Result[]> {
  const all = everything.map((one): Case => ({ ...one, deliveries: ['coalesced'] }))
  const subject: Target = { ...gateway(name), configurable: true, has: ['resolver'] }
  return (await run(subject, { cases: all, only, lanes: 2, deviations: broken(known) })).results
}

/** Beyond what fails of the same gateway without the fault. */
async function caughtBy(name: string, base: string, ids: readonly string[]): Promise<string[]> {
  const before = await failing(base)
  return (await failing(name, [...before, ...ids])).filter((id) => !before.includes(id))
}

describe.concurrent('each fault is caught by the cases meant for it, and by no other', {
  timeout: 300_000,
}, () => {
  test('without a fault nothing is caught', async ({ expect }) => {
    expect(await failing('sound')).toEqual([])
  })

  test.for(beyondBase)('%s', async ([name, base, ids], { expect }) => {
    expect(await caughtBy(name, base, ids)).toEqual(ids)
  })

  test.for(chosen)('%s, of %s', async ([name, only, ids], { expect }) => {
    const results = await judged(name, only, ids)
    expect(results.filter(({ verdict }) => verdict !== 'pass').map(({ id }) => id)).toEqual(ids)
  })

  test('tries-one-address, of two of which one answers', async ({ expect }) => {
    const failed = (results: readonly Result[]) =>
      results.flatMap(({ variants = [] }) => variants.filter(({ verdict }) => verdict === 'fail'))
    const [before, after] = await Promise.all([
      judged('sound', oneAddress, oneAddress),
      judged('tries-one-address', oneAddress, oneAddress),
    ])
    const known = failed(before).map(({ name }) => name)
    expect(
      failed(after)
        .map(({ name }) => name)
        .filter((name) => !known.includes(name)),
    ).toEqual(['a first address where nobody answers'])
  })
})
