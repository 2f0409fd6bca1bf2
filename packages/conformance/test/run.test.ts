import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startProgram } from '@relayrace/fixtures/target'
import { expect, test } from 'vitest'
import {
  answered,
  type Case,
  check,
  each,
  equal,
  Failed,
  get,
  type Report,
  type Result,
  type RunOptions,
  reply,
  run,
  type Target,
} from '../src/index.ts'

const program = (name: string): Target => ({
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

const plain: Omit<Case, 'run'> = {
  id: 'X-01',
  rule: 'ours',
  level: 'MUST',
  title: 'is only an example',
  deliveries: ['coalesced'],
}

const judge = (one: Partial<Case> & Pick<Case, 'run'>, options: RunOptions = {}): Promise<Report> =>
  run(program('sound'), { cases: [{ ...plain, ...one }], ...options })

async function verdictOf(one: Partial<Case> & Pick<Case, 'run'>, options?: RunOptions): Promise<Result> {
  const { results } = await judge(one, options)
  expect(results).toHaveLength(1)
  return results[0] as Result
}

test('a case that throws nothing passes', async () => {
  const result = await verdictOf({
    run: async ({ exchange }) => void answered((await exchange(get('/'), reply('ok'))).response, 200, 'ok'),
  })
  expect(result).toMatchObject({ verdict: 'pass', why: '' })
  expect(result.transcript).toContain('HTTP/1.1 200 OK')
})

test('two things that differ are a fail, with both', async () => {
  const result = await verdictOf({ run: async () => equal([1], [2], 'the count') })
  expect(result).toMatchObject({ verdict: 'fail', why: 'the count is [1], not [2]' })
})

test('a warning on standard error is a fail', async () => {
  const one: Case = {
    ...plain,
    run: async ({ exchange }) => void answered((await exchange(get('/'), reply('ok'))).response, 200),
  }
  const { results } = await run(program('warns'), { cases: [one] })
  expect(results[0]).toMatchObject({
    verdict: 'fail',
    why: expect.stringContaining('it warned on standard error'),
  })
})

test('a case runs in four deliveries, and says in which it failed', async () => {
  const seen: string[] = []
  const result = await verdictOf({
    deliveries: ['coalesced', 'head and body', 'one byte at a time', 'random splits'],
    run: async ({ delivery }) => {
      seen.push(delivery)
      check(delivery !== 'random splits', 'no good')
    },
  })
  expect(seen).toEqual(['coalesced', 'head and body', 'one byte at a time', 'random splits'])
  expect(result).toMatchObject({ verdict: 'fail', why: '[random splits] no good' })
})

test('a wait that is in vain is a fail, with what was waited for', async () => {
  const result = await verdictOf({ run: async ({ origin }) => void (await origin.request({ within: 50 })) })
  expect(result).toMatchObject({ verdict: 'fail', why: 'no request came to the origin within 50 ms' })
})

test('an interrupted run ends what it has started, also in the middle of a wait', async () => {
  const interrupt = new AbortController()
  const ended: Promise<unknown>[] = []
  const sound = program('sound')
  const watched: Target = {
    ...sound,
    async start(...given) {
      const instance = await sound.start(...given)
      ended.push(instance.exited ?? Promise.resolve())
      return instance
    },
  }
  const one: Case = {
    ...plain,
    run: async ({ origin }) => {
      interrupt.abort()
      await origin.request({ within: 60_000 })
    },
  }
  const { results, complete } = await run(watched, { cases: [one], signal: interrupt.signal })
  expect({ results, complete }).toEqual({ results: [], complete: false })
  expect(ended).toHaveLength(1)
  await Promise.all(ended)
})

test('an interrupted run ends what it has started, also in the middle of a restart', async () => {
  const interrupt = new AbortController()
  const sound = program('sound')
  let starts = 0
  let ends = 0
  const watched: Target = {
    ...sound,
    async start(...given) {
      if (++starts === 2) interrupt.abort()
      const instance = await sound.start(...given)
      instance.exited?.then(() => ends++)
      return instance
    },
  }
  const failing: Case = {
    ...plain,
    run: async () => {
      throw new Failed('so that it is started anew')
    },
  }
  await run(watched, { cases: [failing], signal: interrupt.signal })
  expect({ starts, ends }).toEqual({ starts: 2, ends: 2 })
})

test('any other error is a fault of the harness', async () => {
  const report = await judge({
    level: 'MAY',
    run: async () => {
      throw new TypeError('oops')
    },
  })
  expect(report.results[0]).toMatchObject({ verdict: 'harness failed', why: 'TypeError: oops' })
  expect(report.failures).toHaveLength(1)
})

test('a target that dies is a crash, and is there again for the next run', async () => {
  const killed: Case = {
    ...plain,
    run: async ({ exchange }) => void (await exchange(get('/'), reply('ok', 'Trailer: X'))),
  }
  const next: Case = {
    ...plain,
    id: 'X-02',
    run: async ({ exchange }) => void answered((await exchange(get('/'), reply('ok'))).response, 200, 'ok'),
  }
  const { results } = await run(program('dies'), { cases: [killed, next], lanes: 1 })
  expect(results.map(({ verdict }) => verdict)).toEqual(['crash', 'pass'])
  expect(results[0]?.why).toContain('as it was told to')
})

test('variants roll up, and the failing ones are named', async () => {
  const result = await verdictOf({
    run: each({ one: 1, two: 2, three: 3 }, async (_, value) => check(value === 2, `it is ${value}`)),
  })
  expect(result).toMatchObject({ verdict: 'fail', why: '2 of 3 variants, such as one: it is 1' })
  expect(result.variants?.map(({ name, verdict }) => [name, verdict])).toEqual([
    ['one', 'fail'],
    ['two', 'pass'],
    ['three', 'fail'],
  ])
})

test.each<[readonly Result['verdict'][], Result['verdict']]>([
  [['pass', 'fail'], 'fail'],
  [['fail', 'crash'], 'crash'],
  [['fail', 'harness failed'], 'harness failed'],
  [['harness failed', 'crash'], 'harness failed'],
])('of the variants %j the worst counts: %s', async (verdicts, worst) => {
  const one: Case = {
    ...plain,
    run: each(Object.fromEntries(verdicts.map((one) => [one, one])), async ({ exchange }, verdict) => {
      if (verdict === 'fail') throw new Failed('no')
      if (verdict === 'harness failed') throw new TypeError('no')
      await exchange(get('/'), verdict === 'crash' ? reply('ok', 'Trailer: X') : reply('ok'))
    }),
  }
  const [result] = (await run(program('dies'), { cases: [one] })).results
  expect(result?.variants?.map(({ verdict }) => verdict)).toEqual(verdicts)
  expect(result?.verdict).toBe(worst)
})

test('an upstream connection that outlives its client is found by the ledger', async () => {
  const open: Partial<Case> & Pick<Case, 'run'> = {
    run: async ({ connect, origin }) => {
      const client = await connect()
      client.send(get('/'))
      await origin.request()
    },
  }
  expect(await verdictOf(open)).toMatchObject({ verdict: 'pass' })
  const { results } = await run(program('leaks-upstreams'), {
    cases: [{ ...plain, ...open }],
    deviations: { [plain.id]: 'it leaks' },
  })
  expect(results[0]).toMatchObject({ verdict: 'fail' })
  expect(results[0]?.why).toMatch(/^afterwards: the upstream connection stayed open/)
})

test('a declared deviation is no failure, and is reported once it passes', async () => {
  const deviations = { 'X-01': 'for a reason' }
  const failed = await judge(
    {
      run: async () => {
        throw new Failed('as ever')
      },
    },
    { deviations },
  )
  expect(failed.failures).toEqual([])
  expect(failed.results[0]).toMatchObject({ verdict: 'fail', deviation: 'for a reason' })
  const passed = await judge({ run: async () => {} }, { deviations })
  expect(passed.overcome.map(({ id }) => id)).toEqual(['X-01'])
})

test('a declared deviation excuses no death', async () => {
  const deadly: Target = program('dies')
  const asked: Case = {
    ...plain,
    run: async ({ exchange }) => void (await exchange(get('/'), reply('ok', 'Trailer: a'))),
  }
  const { failures } = await run(deadly, { cases: [asked], deviations: { 'X-01': 'for a reason' } })
  expect(failures.map(({ verdict }) => verdict)).toEqual(['crash'])
})

test('who is said to take options and does not start with them fails', async () => {
  const subject: Target = {
    ...program('sound'),
    configurable: true,
    start: (upstream, given) =>
      given?.args === undefined
        ? program('sound').start(upstream)
        : Promise.reject(new Error('no such option')),
  }
  const setup = { name: 'with a limit', options: { 'timeouts.idle': 1 } }
  const { failures } = await run(subject, { cases: [{ ...plain, setup, run: async () => {} }] })
  expect(failures.map(({ verdict, why }) => [verdict, why])).toEqual([
    ['crash', expect.stringMatching(/^it does not start with a limit: .*no such option$/)],
  ])
})

test('what a target lacks, or cannot be set up for, is skipped with the reason', async () => {
  const subject: Target = { ...program('sound'), lacks: ['trailers'] }
  const cases: Case[] = [
    { ...plain, needs: ['trailers'], run: async () => {} },
    {
      ...plain,
      id: 'X-02',
      setup: { name: 'with a limit', options: { 'timeouts.idle': 1 } },
      run: async () => {},
    },
  ]
  const { results } = await run(subject, { cases })
  expect(results.map(({ verdict, why }) => [verdict, why])).toEqual([
    ['skipped', 'it is declared to lack trailers'],
    ['skipped', 'it cannot be started with a limit'],
  ])
})

test('a subject that does not start is an error, not a verdict', async () => {
  const subject: Target = { name: 'none', start: () => Promise.reject(new Error('no such thing')) }
  await expect(run(subject, { cases: [{ ...plain, run: async () => {} }] })).rejects.toThrow('no such thing')
})

/** A target that stands still whenever the case waits for it, for as many runs as it is told. */
async function stoppedFor(runs: number): Promise<Result> {
  let done = 0
  return verdictOf({
    run: async ({ connect, origin, frozen }) => {
      const client = await connect()
      client.send(get('/'))
      const asked = origin.request({ within: 200 })
      const exchange = done++ < runs ? await frozen(() => asked) : await asked
      exchange.send(reply('ok'))
      answered(await client.response(), 200, 'ok')
    },
  })
}

test('a target that was stopped and continued is run once more by itself, and gets its verdict', async () => {
  expect(await stoppedFor(1)).toMatchObject({
    verdict: 'pass',
    why: '',
    retried: 'no request came to the origin within 200 ms',
  })
})

test('a target that is too slow each time fails, and the report says that it was tried twice', async () => {
  expect(await stoppedFor(Number.POSITIVE_INFINITY)).toMatchObject({
    verdict: 'fail',
    why: 'no request came to the origin within 200 ms',
    retried: 'no request came to the origin within 200 ms',
  })
})

test('what got something wrong is never run again, whatever else was late', async () => {
  let runs = 0
  const { verdict, retried } = await verdictOf({
    run: {
      late: async ({ origin }) => {
        runs++
        await origin.request({ within: 50 })
      },
      wrong: async () => {
        runs++
        throw new Failed('no good')
      },
    },
  })
  expect({ verdict, retried, runs }).toEqual({ verdict: 'fail', retried: undefined, runs: 2 })
})

test('a run that is over its limit is a fault of the case only when it is so by itself too', async () => {
  let runs = 0
  const { verdict, retried } = await verdictOf({
    limit: 200,
    run: async ({ signal }) => {
      if (runs++ === 0) await once(signal, 'abort')
    },
  })
  expect({ verdict, retried, runs }).toEqual({
    verdict: 'pass',
    retried: 'Overrun: it took more than 200 ms',
    runs: 2,
  })
})

test('what goes wrong after a pause that took too long is judged once more', async () => {
  let runs = 0
  const { verdict, retried } = await verdictOf({
    run: async ({ pass }) => {
      if (runs++ > 0) return
      const pause = pass(10)
      for (const end = performance.now() + 300; performance.now() < end; );
      await pause
      throw new Failed('too soon')
    },
  })
  expect({ verdict, retried }).toEqual({ verdict: 'pass', retried: 'too soon' })
})
