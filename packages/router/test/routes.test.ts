/** Routes that make no sense are told at once, and finding one takes as long among many. */

import type { ReceivedRequest } from '@relayrace/gateway'
import { describe, expect, test, vi } from 'vitest'
import { createRouter, type RouterRoute } from '../src/index.ts'
import { segmentsOf } from '../src/path.ts'
import { createTable, find } from '../src/table.ts'

const to = 'http://127.0.0.1:9000'

describe('a TypeError names the route', () => {
  test.each<[unknown, string]>([
    [{ path: 'api', upstream: to }, 'The path of a route begins with a slash: "api"'],
    [{ upstream: to }, 'The path of a route begins with a slash: undefined'],
    [{ path: '/a//b', upstream: to }, 'Route /a//b: no request has this path: write /a/b'],
    [{ path: '/a/../b', upstream: to }, 'Route /a/../b: no request has this path: write /b'],
    [{ path: '/%61', upstream: to }, 'Route /%61: no request has this path: write /a'],
    [{ path: '/a%2fb', upstream: to }, 'Route /a%2fb: no request has this path: write /a%2Fb'],
    [{ path: '/a?b', upstream: to }, 'Route /a?b: no request has this path'],
    [{ path: '/ä', upstream: to }, 'Route /ä: no request has this path'],
    [{ path: '/a', method: 'get', upstream: to }, 'Route get /a: no request has the method "get"'],
    [{ path: '/a', method: 'CONNECT', upstream: to }, 'Route CONNECT /a: CONNECT is never asked for here'],
    [{ path: '/a', host: 'A', upstream: to }, 'Route A/a: no request is for the host "A"'],
    [{ path: '/a', host: 'a:80', upstream: to }, 'Route a:80/a: no request is for the host "a:80"'],
    [{ path: '/a' }, 'Route /a: upstream is missing'],
    [{ path: '/a', upstream: 'nowhere' }, 'Route /a: The upstream is not a URL: "nowhere"'],
    [{ path: '/a', upstream: 'ftp://a' }, 'Route /a: The upstream must be an http: or https: URL, not ftp:'],
    [{ path: '/a', upstream: to, replase: '/' }, 'Route /a: unknown option replase. Known: path,'],
    [{ path: '/a/', upstream: to, replace: '/b' }, 'Route /a/: replace ends in a slash'],
    [{ path: '/a', upstream: to, replace: 'b' }, 'Route /a: replace is a path'],
    [{ path: '/a', upstream: to, middleware: [1] }, 'Route /a: middleware is an array of functions'],
    [{ path: '/a', upstream: to, timeouts: { idle: 1 } }, 'Route /a: route.timeouts.idle is none of a route'],
    [
      { path: '/a', upstream: () => to, limits: { replai: 1 } },
      'Route /a: Unknown option route.limits.replai',
    ],
    [null, 'A route is an object, not null'],
  ])('%j', (route, message) => {
    const wrong = [route as RouterRoute]
    expect(() => createRouter(wrong)).toThrow(TypeError)
    expect(() => createRouter(wrong)).toThrow(message)
  })

  test.each<[Partial<RouterRoute>, Partial<RouterRoute>, string]>([
    [{}, {}, '/a and /a'],
    [{ method: 'GET' }, { method: ['PUT', 'GET'] }, 'GET /a and PUT,GET /a'],
    [{ host: 'x' }, { host: ['y', 'x'], name: 'other' }, 'x/a and other'],
  ])('two for the same requests: %j and %j', (one, other, names) => {
    const twice = [one, other].map((route) => ({ path: '/a', upstream: to, ...route }))
    expect(() => createRouter(twice)).toThrow(`Two routes are for the same requests: ${names}`)
  })

  test.each<[Partial<RouterRoute>, Partial<RouterRoute>]>([
    [{}, { path: '/a/' }],
    [{ method: 'GET' }, {}],
    [{ method: 'GET' }, { method: 'PUT' }],
    [{ host: 'x' }, {}],
  ])('but these are two: %j and %j', (one, other) => {
    const two = [one, other].map((route) => ({ path: '/a', upstream: to, ...route }))
    expect(() => createRouter(two)).not.toThrow()
  })
})

describe('C3 finding a route takes as many steps among many', () => {
  const paths = (count: number): string[] =>
    Array.from({ length: count }, (_, i) => `/api/v${i % 7}/service-${i}/`)

  test.each([1, 100, 10_000])('of %d', (count) => {
    const table = createTable(
      paths(count).map((path) => [{ hosts: ['a.example'], methods: ['GET'], path }, path] as const),
      String,
    )
    const looked = vi.spyOn(Map.prototype, 'get')
    const steps = (path: string): number => {
      looked.mockClear()
      find(table, 'GET', 'a.example', segmentsOf(path)?.names ?? [])
      return looked.mock.calls.length
    }
    const taken = [steps('/api/v0/service-0/x/y/z'), steps('/api/v0/none/x'), steps('/none')]
    looked.mockRestore()
    // The host, a segment each until none is known, which is looked for in what is of any host as well; the method.
    expect(taken).toEqual([6, 5, 3])
  })

  test('and a path of any length no more than there are segments of routes', () => {
    const table = createTable([[{ hosts: [], methods: [], path: '/' }, 'root'] as const], String)
    const names = segmentsOf('/x'.repeat(5_000))?.names ?? []
    const looked = vi.spyOn(Map.prototype, 'get')
    const found = find(table, 'GET', 'a', names)
    const steps = looked.mock.calls.length
    looked.mockRestore()
    expect([found, steps]).toEqual(['root', 3])
  })
})

test('a route that nobody changes is the same object each time, so that a gateway checks it once', async () => {
  const { upstream } = createRouter([
    { path: '/', upstream: to },
    { path: '/by/', upstream: () => known },
  ])
  const known = new URL(to)
  const ask = (path: string): unknown =>
    upstream({ request: { method: 'GET', path, authority: 'a' } as ReceivedRequest } as never)
  expect(ask('/a')).toBe(ask('/b'))
  expect(ask('/by/a')).toBe(ask('/by/b'))
})
