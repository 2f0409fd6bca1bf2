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
