/** The examples are programs that run, and do what their first line says. */

import { once } from 'node:events'
import net from 'node:net'
import { fileURLToPath } from 'node:url'
import { type Program, startProgram } from '@relayrace/fixtures/target'
import { expect, test } from 'vitest'
import { WebSocket } from 'ws'

const start = (name: string, env: Record<string, string> = {}): Promise<Program> =>
  startProgram({
    argv: [process.execPath, fileURLToPath(new URL(`../examples/${name}.ts`, import.meta.url))],
    env: { PORT: '0', ...env },
  })

const chunk = (text: string): string => `${text.length.toString(16)}\r\n${text}\r\n`

/** A client that can wait for what it is to be told. */
async function talkTo(url: URL): Promise<{ socket: net.Socket; heard(text: string): Promise<string> }> {
  const socket = net.connect(Number(url.port), url.hostname)
  let all = ''
  let wanted: (() => void) | undefined
  socket.on('data', (bytes) => {
    all += bytes.toString('latin1')
    wanted?.()
  })
  await once(socket, 'connect')
  const heard = async (text: string): Promise<string> => {
    while (!all.includes(text)) await new Promise<void>((resolve) => (wanted = resolve))
    return all
  }
  return { socket, heard }
}

for (const name of ['echo', 'hijacked-echo']) {
  test(`${name} answers each piece before the next one is sent`, async () => {
    await using program = await start(name)
    const { socket, heard } = await talkTo(program.url)
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
    await heard('200 OK')
    for (const word of ['first', 'second', 'third']) {
      socket.write(chunk(word))
      expect(await heard(word)).toContain(word)
    }
    socket.end('0\r\n\r\n')
    await once(socket, 'close')
  })
}

test('events come one after the other', async () => {
  await using program = await start('events', { INTERVAL: '10' })
  const { socket, heard } = await talkTo(program.url)
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await heard('id: 1\n')
  await heard('id: 3\n')
  socket.destroy()
})

test('chat tells each the lines of the others', async () => {
  await using program = await start('chat')
  const join = async (name: string) => {
    const client = await talkTo(program.url)
    client.socket.write(`POST /${name} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n`)
    await client.heard('200 OK')
    return client
  }
  const ann = await join('ann')
  const bob = await join('bob')
  ann.socket.write(chunk('hello\n'))
  await bob.heard('ann: hello')
  bob.socket.write(chunk('hi\n'))
  await ann.heard('bob: hi')
  ann.socket.destroy()
  bob.socket.destroy()
})

test('websocket-echo answers a WebSocket client', async () => {
  await using program = await start('websocket-echo')
  const client = new WebSocket(`ws://${program.url.host}/`)
  await once(client, 'open')
  client.send('over a hijacked connection')
  const [message] = await once(client, 'message')
  expect(String(message)).toBe('over a hijacked connection')
  client.close()
  await once(client, 'close')
})
