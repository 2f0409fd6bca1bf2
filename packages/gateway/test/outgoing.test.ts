import { once } from 'node:events'
import http, { type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, expect, onTestFinished, test } from 'vitest'
import { bind } from '../src/http/listen.ts'
import { endWith, takeHeadBack } from '../src/http/outgoing.ts'

async function answered(answer: (response: ServerResponse) => void): Promise<Response> {
  const server = http.createServer((_, response) => answer(response)).listen(0, '127.0.0.1')
  onTestFinished(() => void server.close())
  await once(server, 'listening')
  return fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
}

test('after a head without content that could not be written, another one has its content', async () => {
  const response = await answered((response) => {
    expect(() => response.writeHead(304, ['a', 'b\n'] as never)).toThrow()
    takeHeadBack(response)
    response.writeHead(502)
    response.end('why')
  })
  expect([response.status, await response.text()]).toEqual([502, 'why'])
})

describe('the last piece', () => {
  const last = Buffer.from('last')

  test('passes a middleware that looks at what is written', async () => {
    const written: string[] = []
    const response = await answered((response) => {
      const { write } = response
      response.write = (chunk: Uint8Array) => {
        written.push(String(chunk))
        return write.call(response, chunk, 'latin1')
      }
      endWith(response, last)
    })
    expect([await response.text(), written]).toEqual(['last', ['last']])
  })

  test('is given as bytes to a middleware that looks at the end', async () => {
    let given: unknown
    const response = await answered((response) => {
      const { end } = response
      response.end = (chunk: unknown) => {
        given = chunk
        return end.call(response, chunk, 'latin1')
      }
      endWith(response, last)
    })
    expect([await response.text(), given]).toEqual(['last', last])
  })
})

test('a connection that was accepted just before the listener closes is not cut', async () => {
  const server = http.createServer((_, response) => response.end('answer'))
  onTestFinished(() => server.closeAllConnections())
  const listener = await bind(server)
  const agent = new http.Agent()
  const socket = agent.createConnection({ port: Number(listener.url.port), host: '127.0.0.1' }, () => {})
  await once(server, 'connection')
  const closed = listener.close()
  const request = http.get({ createConnection: () => socket as never })
  const [response] = await once(request, 'response')
  response.resume()
  expect(response.statusCode).toBe(200)
  await closed
})
