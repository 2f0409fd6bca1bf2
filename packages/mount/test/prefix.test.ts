import { expect, test } from 'vitest'
import { koaGateway } from '../src/koa.ts'
import { cut, cutSegments } from '../src/prefix.ts'

test.each([
  ['/api', '/'],
  ['/api?a', '/?a'],
  ['/api/a%2Fb?c', '/a%2Fb?c'],
  ['/api//a', '//a'],
  ['http://a/api/b', 'http://a/b'],
  ['/apis', undefined],
  ['/API/a', undefined],
  ['/a/api', undefined],
  ['//api/a', undefined],
  ['http://api/b', undefined],
  ['*', undefined],
])('below /api, %s is %s', (target, left) => {
  expect(cut(target, '/api')).toBe(left)
})

test.each([
  ['/api/v1/a?b', '/a?b'],
  ['/%61pi/v1//a', '//a'],
  ['/api/v1', '/'],
  ['/api/v1?a', '/?a'],
  ['http://a/api/v1/b', 'http://a/b'],
])('below two segments, %s is %s', (target, left) => {
  expect(cutSegments(target, '/api/:version')).toBe(left)
})

test.each(['*', 'http://a', '/a'])('without a prefix %s stays what it is', (target) => {
  expect(cutSegments(target, '')).toBe(target)
})

test.each(['api', '/api/', '/', '', '/a?b'])('%j is no prefix', (prefix) => {
  expect(() => koaGateway({} as never, { prefix })).toThrow(
    new TypeError(`Option prefix has to be like /api, without a slash at its end; it is ${prefix}`),
  )
})
