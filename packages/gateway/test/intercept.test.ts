import { createServer, type Server, Socket } from 'node:net'
import { describe, expect, test } from 'vitest'
import { intercept } from '../src/node/intercept.ts'

const serverOf = (...listeners: readonly ((socket: Socket) => void)[]): Server => {
  const server = createServer()
  for (const listener of listeners) server.on('connection', listener)
  return server
}

describe('a connection', () => {
  test('goes on to all that listened for it, in their order', () => {
    const seen: [number, Socket][] = []
    const server = serverOf(
      (socket) => seen.push([1, socket]),
      (socket) => seen.push([2, socket]),
    )
    const [came, another] = [new Socket(), new Socket()]
    intercept(server, 'connection', (socket, goOn) => {
      expect(socket).toBe(came)
      goOn(another)
    })
    server.emit('connection', came)
    expect(seen).toEqual([
      [1, another],
      [2, another],
    ])
  })

  test('goes on to nobody unless it is said to', () => {
    let seen = 0
    const server = serverOf(() => seen++)
    intercept(server, 'connection', () => {})
    server.emit('connection', new Socket())
    expect(seen).toBe(0)
  })
})

test('a server that takes connections in another way is refused', () => {
  expect(() => intercept(serverOf(), 'connection', () => {})).toThrow('not supported')
})
