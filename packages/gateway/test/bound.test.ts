import { EventEmitter } from 'node:events'
import { describe, expect, test } from 'vitest'
import { Fields } from '../src/application.ts'
import { Bound, bindsConnection } from '../src/node/bound.ts'

describe('a connection is logged in to', () => {
  test.each([
    ['Authorization', 'NTLM TlRMTVNTUAAB'],
    ['authorization', 'negotiate YII='],
    ['Proxy-Authorization', 'Negotiate YII='],
  ])('by %s: %s', (name, value) => {
    expect(bindsConnection(Fields.from([[name, value]]))).toBe(true)
  })

  test.each([
    ['Authorization', 'Basic eA=='],
    ['Authorization', 'NTLMx eA=='],
    ['X-Authorizatio', 'NTLM eA=='],
  ])('not by %s: %s', (name, value) => {
    expect(bindsConnection(Fields.from([[name, value]]))).toBe(false)
  })
})

test('what belongs to a client is its own, is there without credentials, and ends with it', () => {
  const ended: object[] = []
  const bound = new Bound(
    () => ({}),
    (mine) => ended.push(mine),
  )
  const client = (): EventEmitter & { destroyed: boolean } =>
    Object.assign(new EventEmitter(), { destroyed: false })
  const credentials = Fields.from({ Authorization: 'Negotiate YII=' })
  const [one, other] = [client(), client()]
  expect(bound.of(one, new Fields())).toBeUndefined()
  const mine = bound.of(one, credentials)
  expect(bound.of(one, new Fields())).toBe(mine)
  expect(bound.of(other, new Fields())).toBeUndefined()
  expect(bound.of(other, credentials)).not.toBe(mine)
  one.emit('close')
  expect(ended).toEqual([mine])
  expect(bound.all.size).toBe(1)
})
