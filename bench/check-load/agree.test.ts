import { expect, test } from 'vitest'
import { agreement } from './agree.ts'
import { engines } from './engines.ts'

const read = (name: string, output: string) => engines.find((one) => one.name === name)?.read(output)

test('clients agree when the target costs the same under both, round by round', () => {
  const theirs = [
    { rate: 100, cpu: 10 },
    { rate: 50, cpu: 20 },
    { rate: 25, cpu: 40 },
  ]
  const times = (by: number) => theirs.map(({ rate, cpu }) => ({ rate: rate / by, cpu: cpu * by }))
  expect(agreement(times(1.05), theirs)).toMatchObject({ agree: true, cpu: expect.closeTo(1.05) })
  expect(agreement(times(1.2), theirs)).toMatchObject({ agree: false, rate: expect.closeTo(1 / 1.2) })
  expect(agreement(times(0.8), theirs)).toMatchObject({ agree: false })
})

test('without a process there is nothing to agree on', () => {
  expect(agreement([{ rate: 2, cpu: null }], [{ rate: 1, cpu: null }])).toEqual({
    rate: 2,
    cpu: null,
    agree: undefined,
  })
})

test('what wrk says is read, failures included', () => {
  const output = `Running 2s test @ http://127.0.0.1:1/
  45021 requests in 2.10s, 55.31MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 5
Requests/sec:  21438.12`
  expect(read('wrk', output)).toEqual({ requests: 45_021, seconds: 2.1, failed: 15 })
  expect(read('wrk', '  10 requests in 900.00ms, 1MB read')).toEqual({
    requests: 10,
    seconds: expect.closeTo(0.9),
    failed: 0,
  })
})

test('what h2load says is read, failures included', () => {
  const output = `finished in 2.00s, 10000.00 req/s, 11.92MB/s
requests: 20000 total, 20032 started, 20000 done, 19990 succeeded, 10 failed, 10 errored, 0 timeout
status codes: 19990 2xx, 0 3xx, 0 4xx, 3 5xx`
  expect(read('h2load', output)).toEqual({ requests: 19_990, seconds: 1.999, failed: 13 })
})

test('one that says nothing of the kind is an error', () => {
  expect(() => read('wrk', 'unable to connect')).toThrow('no figures')
})
