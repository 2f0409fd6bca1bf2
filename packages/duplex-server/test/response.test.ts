import { connect } from '@relayrace/fixtures/wire'
import { expect, onTestFinished, test } from 'vitest'
import { createDuplexServer } from '../src/index.ts'

test('E4 a response head is written once: the second time is an error, and the first response goes on', async () => {
  const errors: unknown[] = []
  const server = createDuplexServer(async (_, response) => {
    response.writeHead(200, { 'X-Nth': 'first' })
    try {
      response.writeHead(404, { 'X-Nth': 'second' })
    } catch (error) {
      errors.push(error)
    }
    response.end('ok')
  })
  onTestFinished(() => server.close(0))
  const { url } = await server.listen()
  const client = await connect(url)
  onTestFinished(() => client.close())
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  const response = await client.response()
  expect([response.status, response.all('x-nth'), response.text]).toEqual([200, ['first'], 'ok'])
  expect(errors).toEqual([new Error('The response head was written already')])
})

test('E3 a client that leaves its upload ends no process, though nobody listens for errors of the stream', async () => {
  const closed = Promise.withResolvers<void>()
  const server = createDuplexServer((request) => {
    request
      .stream()
      .on('close', () => closed.resolve())
      .resume()
  })
  onTestFinished(() => server.close(0))
  const { url } = await server.listen()
  const client = await connect(url)
  await client.send('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello')
  client.reset()
  expect(await closed.promise).toBeUndefined()
})

test('A5 content for HEAD is none, and its answer goes out (RFC 9110 §9.3.2)', async () => {
  const server = createDuplexServer((_, response) => response.end('text'))
  onTestFinished(() => server.close(0))
  const { url } = await server.listen()
  const client = await connect(url)
  onTestFinished(() => client.close())
  client.send('HEAD / HTTP/1.1\r\nHost: a\r\n\r\n')
  const response = await client.response({ to: 'HEAD' })
  expect([response.status, response.get('content-length'), response.text]).toEqual([200, '4', ''])
})

test('A4 an interim response is none of a final status', async () => {
  const server = createDuplexServer((_, response) => {
    expect(() => response.inform(200)).toThrow(RangeError)
    expect(() => response.inform(101)).toThrow(RangeError)
    response.end('ok')
  })
  onTestFinished(() => server.close(0))
  const { url } = await server.listen()
  const client = await connect(url)
  onTestFinished(() => client.close())
  client.send('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  expect((await client.response()).text).toBe('ok')
})
