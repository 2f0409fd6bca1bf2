/** The example is a program that runs: it downloads, and keeps what is at home at home. */

import { fileURLToPath } from 'node:url'
import { startProgram } from '@relayrace/fixtures/target'
import { type Client, connect, startOrigin } from '@relayrace/fixtures/wire'
import { expect, onTestFinished, test } from 'vitest'

/** An address of the world, where tests reach nobody. */
const elsewhere = '93.184.215.14'
/** What is asked of it comes to a port of this machine: an import that the example knows nothing of. */
const world = (port: number): string => `
  import { Socket } from 'node:net'
  const { connect } = Socket.prototype
  Socket.prototype.connect = function (...given) {
    const [options] = Array.isArray(given[0]) ? given[0] : given
    if (options.host === '${elsewhere}') Object.assign(options, { host: '127.0.0.1', port: ${port} })
    return connect.apply(this, given)
  }`

async function stage() {
  const origin = await startOrigin()
  onTestFinished(() => origin[Symbol.asyncDispose]())
  const example = fileURLToPath(new URL('../examples/download.ts', import.meta.url))
  const preload = `data:text/javascript,${encodeURIComponent(world(origin.port))}`
  const running = await startProgram({ argv: [process.execPath, '--import', preload, example] })
  onTestFinished(() => running[Symbol.asyncDispose]())
  const ask = async (target: string): Promise<Client> => {
    const client = await connect(running.url)
    onTestFinished(() => client.close())
    client.send(`GET ${target} HTTP/1.1\r\nHost: a\r\n\r\n`)
    return client
  }
  return { origin, ask }
}

test('download: what is at home stays there', async () => {
  const { origin, ask } = await stage()
  for (const [target, status] of [
    [`/download?url=${encodeURIComponent(origin.url.href)}`, 403],
    [`/download?url=${encodeURIComponent(`http://localhost/`)}`, 403],
    [`/download?url=${encodeURIComponent('http://169.254.169.254/latest/meta-data/')}`, 403],
    ['/download?url=gopher%3A%2F%2Fa.example', 400],
    ['/download', 400],
    ['/elsewhere?url=http%3A%2F%2Fa.example', 400],
  ] as const) {
    const client = await ask(target)
    expect((await client.response()).status, target).toBe(status)
  }
  expect(origin.connections).toHaveLength(0)
})

test('download: what is elsewhere comes as it is, as an attachment, and redirects are followed', async () => {
  const { origin, ask } = await stage()
  const url = `http://${elsewhere}/file?a=b%20c`
  const client = await ask(`/download?url=${encodeURIComponent(url)}`)
  const moved = await origin.request()
  expect([moved.message.target, moved.message.get('host')]).toEqual(['/file?a=b%20c', elsewhere])
  moved.send('HTTP/1.1 302 Found\r\nLocation: /moved\r\nContent-Length: 0\r\n\r\n')
  const exchange = await origin.request()
  expect(exchange.message.target).toBe('/moved')
  exchange.send('HTTP/1.1 200 OK\r\nContent-Type: x/y\r\nContent-Length: 10\r\n\r\nbegun')
  const incoming = await client.responding()
  expect(String(await incoming.body(5))).toBe('begun')
  exchange.send('ended')
  const response = await incoming.done()
  expect([response.status, response.text, response.get('content-type')]).toEqual([200, 'begunended', 'x/y'])
  expect(response.get('content-disposition')).toBe('attachment')
})

test('download: a redirect leads nowhere at home', async () => {
  const { origin, ask } = await stage()
  const client = await ask(`/download?url=${encodeURIComponent(`http://${elsewhere}/`)}`)
  const { send } = await origin.request()
  send(`HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1/\r\nContent-Length: 0\r\n\r\n`)
  expect((await client.response()).status).toBe(403)
  expect(origin.requests).toHaveLength(1)
})
