import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { Pipelines } from '../src/node/pipelines.ts'

function waiting(count: number) {
  const socket = new Socket()
  onTestFinished(() => void socket.destroy())
  const listeners = socket.listenerCount('close')
  const turn = Promise.withResolvers<void>()
  const pipelines = new Pipelines()
  const waits = Array.from({ length: count }, () =>
    pipelines.wait({ socket } as IncomingMessage, turn.promise),
  )
  const go = async (): Promise<void> => {
    turn.resolve()
    await Promise.all(waits)
  }
  return { socket, listeners, go }
}

test('a connection whose pipeline is long is read again when it has become short', async () => {
  const { socket, go } = waiting(17)
  expect(socket.isPaused()).toBe(true)
  await go()
  expect(socket.isPaused()).toBe(false)
})

test('a connection with few requests in its pipeline goes on being read', () => {
  expect(waiting(16).socket.isPaused()).toBe(false)
})

test('requests that have waited leave no listener', async () => {
  const { socket, listeners, go } = waiting(3)
  await go()
  expect(socket.listenerCount('close')).toBe(listeners)
})
