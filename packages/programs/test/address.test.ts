import { expect, test } from 'vitest'
import { filledIn, portAddress, socketAddress } from '../src/address.ts'

test.each([
  [portAddress('127.0.0.1', 9000), 'http://127.0.0.1:9000/', '127.0.0.1 9000 '],
  [portAddress('::1', 9000), 'http://[::1]:9000/', '::1 9000 '],
])('a port is asked by a URL, and told by itself: %#', (address, url, told) => {
  expect(String(address.origin)).toBe(url)
  expect(filledIn('{host} {port} {socket}', address)).toBe(told)
})

test('a socket is asked by its path, and told by that', () => {
  const address = socketAddress('localhost', '/run/app.sock')
  expect(address.origin).toEqual({ socketPath: '/run/app.sock', host: 'localhost' })
  expect(filledIn('{socket}, {socket}, {port}', address)).toBe('/run/app.sock, /run/app.sock, ')
})
