import type { Program } from '@relayrace/fixtures/target'
import { connect, startOrigin } from '@relayrace/fixtures/wire'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import type { ExchangeSummary } from '../src/contract/gateway.ts'
import { createLog } from '../src/program/log.ts'
import { program, strategies, until } from './programs.ts'

type Line = Readonly<Record<string, unknown>> & { readonly msIn: Readonly<Record<string, number>> }

function get(target: string): string {
  return `GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`
}

/** The lines about that target, as soon as there is one. */
function logged({ stdout }: Program, target: string): Promise<Line> {
  return until(() => {
    const lines = stdout().split('\n').slice(1, -1)
    const found = lines.map((line) => JSON.parse(line) as Line).filter((line) => line.target === target)
    expect(found.length).toBeLessThan(2)
    return found[0]
  })
}

async function stage(name: string, ...args: readonly string[]) {
  const origin = await startOrigin()
  onTestFinished(() => origin[Symbol.asyncDispose]())
  const running = await program(name, origin.url, '--log', ...args)
  const client = await connect(running.url)
  onTestFinished(() => client.close())
  return { origin, running, client }
}

describe.each(strategies)('%s logs', (name) => {
  test('an exchange that was completed, with its bytes and its time in each phase', async () => {
    const { origin, running, client } = await stage(name)
    client.send('POST /done?x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc')
    const exchange = await origin.request()
    await exchange.done()
    await exchange.send('HTTP/1.1 201 Created\r\nContent-Length: 5\r\n\r\nhello')
    await client.response()
    const line = await logged(running, '/done?x')
    expect(line).toMatchObject({
      ...{ gateway: name, client: '127.0.0.1', method: 'POST', status: 201, outcome: 'completed' },
      ...{ requestBytes: 3, responseBytes: 5, upstream: origin.url.origin, attempts: 1 },
    })
    expect(new Date(line.time as string).getTime()).toBeGreaterThan(Date.now() - 60_000)
    expect(line).not.toHaveProperty('error')
    expect(line).not.toHaveProperty('endedBy')
    const { msIn, ms } = line
    expect(Object.keys(msIn)).toEqual(expect.arrayContaining(['connect', 'responseHead']))
    for (const absent of ['dns', 'tls', 'tunnel', 'drain']) expect(msIn).not.toHaveProperty(absent)
    const sum = Object.values(msIn).reduce((all, one) => all + one, 0)
    expect(sum).toBeGreaterThan((ms as number) * 0.9 - 2)
    expect(sum).toBeLessThan((ms as number) * 1.1 + 2)
  })

  test('that time passed in the phase it passed in', async () => {
    const { origin, running, client } = await stage(name)
    client.send(get('/slow'))
    const exchange = await origin.request()
    await new Promise((resolve) => setTimeout(resolve, 150))
    await exchange.send('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\na')
    await (await client.responding()).body(1)
    await new Promise((resolve) => setTimeout(resolve, 300))
    await exchange.send('b')
    const { msIn } = await logged(running, '/slow')
    expect(msIn.responseHead).toBeGreaterThan(140)
    expect(msIn.responseHead).toBeLessThan(280)
    expect(msIn.responseBody).toBeGreaterThan(290)
  })

  test('a client that left: it ended it, whatever broke in its wake', async () => {
    const { origin, running, client } = await stage(name)
    client.send(get('/left'))
    await (await origin.request()).send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc')
    await (await client.responding()).body(3)
    client.reset()
    expect(await logged(running, '/left')).toMatchObject({
      ...{ outcome: 'aborted', error: 'client_closed', endedBy: 'client', phase: 'responseBody' },
      ...{ status: 200, responseBytes: 3 },
    })
  })

  test('an origin that broke off: it ended it, though the client was cut off too', async () => {
    const { origin, running, client } = await stage(name)
    client.send(get('/broken'))
    const { send, connection } = await origin.request()
    await send('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc')
    await (await client.responding()).body(3)
    connection.reset()
    await client.ended()
    expect(await logged(running, '/broken')).toMatchObject({
      ...{ outcome: 'failed', endedBy: 'upstream', phase: 'responseBody', status: 200, responseBytes: 3 },
    })
  })

  test('an origin that took too long: the phase, and the status that was sent', async () => {
    const { origin, running, client } = await stage(name, '--timeouts.responseHead', '200')
    client.send(get('/late'))
    await origin.request()
    expect((await client.response()).status).toBe(504)
    expect(await logged(running, '/late')).toMatchObject({
      ...{ outcome: 'failed', error: 'http_response_timeout', endedBy: 'upstream' },
      ...{ phase: 'responseHead', status: 504 },
    })
  })

  test.each([
    ['Content-Length', 'Content-Length: 3\r\n\r\nabc'],
    ['chunks', 'Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n'],
  ])(
    'an origin that took too long to answer what was sent before there was a connection, with %s',
    async (_, rest) => {
      const { origin, running, client } = await stage(name, '--timeouts.responseHead', '200')
      client.send(`POST /late HTTP/1.1\r\nHost: a\r\n${rest}`)
      await (await origin.request()).done()
      expect((await client.response()).status).toBe(504)
      expect(await logged(running, '/late')).toMatchObject({ phase: 'responseHead', requestBytes: 3 })
    },
  )

  test('what it refuses', async () => {
    const { running, client } = await stage(name)
    client.send('TRACE /refused HTTP/1.1\r\nHost: a\r\n\r\n')
    await client.response()
    expect(await logged(running, '/refused')).toMatchObject({
      ...{ outcome: 'refused', error: 'http_request_error', endedBy: 'client', status: 405 },
    })
  })
})

test('that it cannot be written is said once, and what comes later is written again', () => {
  const warned = vi.spyOn(process, 'emitWarning').mockImplementation(() => {})
  onTestFinished(() => warned.mockRestore())
  const written: string[] = []
  let full = true
  const { log, flush } = createLog((text) => {
    if (full) throw new Error('no space')
    written.push(text)
  })
  for (full of [true, true, false, true]) {
    log({ times: {}, duration: 1, target: `/${full}` } as ExchangeSummary)
    flush()
  }
  expect(written).toEqual([expect.stringContaining('"/false"')])
  expect(warned).toHaveBeenCalledTimes(1)
})
