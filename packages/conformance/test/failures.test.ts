import { parser } from '@relayrace/fixtures/wire'
import { describe, expect, test } from 'vitest'
import { answered, complete, Failed, truncated } from '../src/expect.ts'
import { settleComplaints } from '../src/ledger.ts'
import { isFailure, type Result, type Verdict } from '../src/run.ts'

const result = (verdict: Verdict, level: Result['level'], deviation?: string): Result => ({
  ...{ id: 'X-01', rule: 'ours', title: '', why: '', duration: 0, transcript: '' },
  ...{ verdict, level },
  ...(deviation !== undefined && { deviation }),
})

test.each<[Verdict, Result['level'], string | undefined, boolean]>([
  ['fail', 'MUST', undefined, true],
  ['fail', 'SHOULD', undefined, false],
  ['fail', 'MUST', 'known', false],
  ['crash', 'MUST', undefined, true],
  ['crash', 'MAY', undefined, true],
  ['harness failed', 'MAY', undefined, true],
  ['harness failed', 'MUST', 'known', true],
  ['pass', 'MUST', undefined, false],
  ['skipped', 'MUST', undefined, false],
])('%s of a %s, declared as %s: a failure is %s', (verdict, level, deviation, failure) => {
  expect(isFailure(result(verdict, level, deviation))).toBe(failure)
})

test.each([
  '(node:1) MaxListenersExceededWarning: Possible EventEmitter memory leak detected.',
  '[UnhandledPromiseRejection: no]',
  '(node:1) TimeoutOverflowWarning: 2147483648 does not fit',
  'Uncaught Error: no',
  'panic: runtime error',
  'worker process 7 exited on signal 11',
])('is a complaint: %s', (line) => {
  expect(() => settleComplaints(`listening\n${line}\n`)).toThrow('it warned on standard error')
})

test('what is said beside it is none', () => {
  settleComplaints('listening on 127.0.0.1:1\nending in order\n')
})

describe('a response', () => {
  const read = (text: string): ReturnType<typeof parser>['message'] => {
    const one = parser('response')
    one.push(Buffer.from(text))
    one.end('fin')
    return one.message
  }
  const whole = read('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
  const cut = read('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no')
  const nonsense = read('HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok')

  test('is complete or is not', () => {
    expect(complete(whole)).toBe(whole)
    for (const other of [cut, nonsense]) expect(() => complete(other)).toThrow()
  })

  test.each([
    [200, undefined],
    [200, 'ok'],
  ])('is the answer with %i and the content %j', (status, content) => {
    expect(answered(whole, status, content)).toBe(whole)
  })

  test.each([
    [201, undefined],
    [200, ''],
    [200, 'o'],
    [200, 'OK'],
  ])('is not the one with %i and the content %j', (status, content) => {
    expect(() => answered(whole, status, content)).toThrow(Failed)
  })

  test('is not the answer when it is cut off', () => {
    for (const other of [cut, nonsense]) expect(() => answered(other, 200)).toThrow(Failed)
  })

  test('is cut off or is not', () => {
    expect(truncated(cut)).toBe(cut)
    for (const other of [whole, nonsense]) expect(() => truncated(other)).toThrow()
  })
})
