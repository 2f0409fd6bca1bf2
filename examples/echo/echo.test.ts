import { expect, test } from 'vitest'
import { aClient, startExample } from '../test/start.ts'

test.each([
  ['on a hijacked connection', []],
  ['on the duplex server', ['--duplex']],
])('H7 %s each piece comes back before the next one is sent', async (_, args) => {
  const { url } = await startExample('echo', args)
  const client = await aClient(url)
  client.send('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n')
  const { message } = await client.responding()
  let said = ''
  for (const word of ['first', 'second']) {
    client.send(`${word.length.toString(16)}\r\n${word}\r\n`)
    said += word
    await expect.poll(() => message.text).toBe(said)
  }
  client.send('0\r\n\r\n')
  await expect.poll(() => message.verdict).toBe('complete')
})
