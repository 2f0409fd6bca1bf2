import { expect, test } from 'vitest'
import { filledIn, portAddress, socketAddress } from '../src/address.ts'

test.each([
  ['127.0.0.1', 'http://127.0.0.1:9000/'],
  ['::1', 'http://[::1]:9000/'],
])('a port of %s is asked at %s, and told by itself', (host, url) => {
  const address = portAddress(host, 9000)
  expect(String(address.origin)).toBe(url)
  expect(filledIn('{host} {port} {socket}', address)).toBe(`${host} 9000 `)
})

test('a socket is asked by its path, and told by that', () => {
  const address = socketAddress('localhost', '/run/app.sock')
  expect(address.origin).toEqual({ socketPath: '/run/app.sock', host: 'localhost' })
  expect(filledIn('{socket}, {socket}, {port}', address)).toBe('/run/app.sock, /run/app.sock, ')
})
