import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { heldConnections, openDescriptors, residentMemory } from '../src/kernel.ts'

test.skipIf(process.platform !== 'linux').each(['127.0.0.1', '::1'])(
  'sees a connection that is held at %s',
  async (host) => {
    const server = net.createServer({ allowHalfOpen: true })
    server.listen(0, host)
    await once(server, 'listening')
    onTestFinished(() => void server.close())
    const { port } = server.address() as AddressInfo
    expect(await heldConnections(port)).toEqual([])
    const client = net.connect(port, host)
    const [accepted] = (await once(server, 'connection')) as [net.Socket]
    onTestFinished(() => void accepted.destroy())
    expect(await heldConnections(port)).toEqual(['ESTABLISHED'])
    client.destroy()
    await expect.poll(() => heldConnections(port)).toEqual(['CLOSE_WAIT'])
    accepted.destroy()
    await expect.poll(() => heldConnections(port)).toEqual([])
  },
)

test.skipIf(process.platform !== 'linux')('who asks while others do sees what is there by then', async () => {
  const server = net.createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => void server.close())
  const { port } = server.address() as AddressInfo
  const early = heldConnections(port)
  const client = net.connect(port, '127.0.0.1')
  const [accepted] = (await once(server, 'connection')) as [net.Socket]
  onTestFinished(() => void [client, accepted].map((socket) => socket.destroy()))
  const late = [heldConnections(port), heldConnections(port), heldConnections(port)]
  await early
  expect(await Promise.all(late)).toEqual([['ESTABLISHED'], ['ESTABLISHED'], ['ESTABLISHED']])
})

test.skipIf(process.platform !== 'linux')('sees the memory and the descriptors of a process', async () => {
  expect(await residentMemory(process.pid)).toBeGreaterThan(10 * 2 ** 20)
  expect(await openDescriptors(process.pid)).toBeGreaterThan(2)
})
