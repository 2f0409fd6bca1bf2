import { once } from 'node:events'
import net, { type AddressInfo, type Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { Admission } from '../src/node/admission.ts'

test('one that has closed makes room for another, and no more are let in than there may be', async () => {
  const admission = new Admission(1)
  const server = net.createServer()
  const accepted: Socket[] = []
  server.on('connection', (socket) => accepted.push(socket))
  admission.guard(server)
  server.listen(0)
  await once(server, 'listening')
  onTestFinished(() => {
    admission.destroy()
    server.close()
  })
  const visit = (): Socket => {
    const socket = net.connect((server.address() as AddressInfo).port)
    onTestFinished(() => void socket.destroy())
    return socket.resume()
  }

  const first = visit()
  await expect.poll(() => accepted.length).toBe(1)
  await once(visit(), 'close')
  expect([accepted.length, admission.size]).toEqual([1, 1])

  first.destroy()
  await expect.poll(() => admission.size).toBe(0)
  visit()
  await expect.poll(() => accepted.length).toBe(2)
})
