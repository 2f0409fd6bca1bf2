/** What is left of ten thousand exchanges of which every other one was broken off by one of its ends: nothing. */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { fileURLToPath } from 'node:url'
import { random, seed } from '@relayrace/fixtures/seed'
import { parser } from '@relayrace/fixtures/wire'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { State } from './leaks-program.ts'

const KiB = 1024
const MiB = 1024 * KiB
const count = 10_000
/** Until everything has been compiled, and each list is as long as it will be. */
const warmUp = 2_000
const atOnce = 32
/** Of content, either way: more than all buffers on its way hold, so that some exchanges stand still. */
const sizes = [0, 100, 16 * KiB, 64 * KiB, 512 * KiB]
/** What the heap may differ by: two hundred bytes for each exchange are as much. */
const slack = 2 * MiB
const limit = 200_000

/** @param module Of the strategy, with the name of what makes it. */
export function leaksOf(module: URL, name: string): void {
  describe.skipIf(process.platform !== 'linux')('A9 nothing leaks, ever', () => {
    test(`${count} exchanges, half of them broken off: descriptors, sockets, listeners and heap are as before`, {
      timeout: limit,
    }, async () => {
      const dice = random('aborts')
      const origin = await startOrigin(dice)
      const gateway = await startGateway(module, name, `http://127.0.0.1:${origin.port}`)

      async function held(): Promise<State> {
        // Idle connections are no leak, and they do not come back once the origin has ended them.
        for (const socket of origin.sockets) socket.destroy()
        return gateway.held()
      }

      await exchanges(warmUp, gateway.url, dice)
      const before = await settled(held, ({ inFlight, connections }) => inFlight + connections === 0)
      await exchanges(count, gateway.url, dice)
      const after = await settled(
        held,
        (now) =>
          now.inFlight + now.connections === 0 &&
          now.descriptors <= before.descriptors &&
          sumOf(now.resources) <= sumOf(before.resources) &&
          now.heap < before.heap + slack,
      )

      const { inFlight, connections, listeners, warnings } = after
      expect({ inFlight, connections, listeners, warnings }, `SEED=${seed}`).toEqual({
        inFlight: 0,
        connections: 0,
        listeners: before.listeners,
        warnings: [],
      })
      expect(after.descriptors, `SEED=${seed}`).toBeLessThanOrEqual(before.descriptors)
      // Something of the last exchanges before may have been there still, so there may be less.
      expect(
        sumOf(after.resources),
        `SEED=${seed} ${JSON.stringify([before, after].map(({ resources }) => resources))}`,
      ).toBeLessThanOrEqual(sumOf(before.resources))
      expect(after.heap - before.heap, `SEED=${seed}`).toBeLessThan(slack)
      expect(origin.sockets.size).toBe(0)
      expect(origin.requests).toBeGreaterThan(count / 2)
    })
  })
}

const sumOf = (counts: Readonly<Record<string, number>>): number =>
  Object.values(counts).reduce((sum, count) => sum + count, 0)

/** Looks until it is so, for as long as a collector may take: then what is seen is what there is. */
async function settled(look: () => Promise<State>, good: (held: State) => boolean): Promise<State> {
  const deadline = performance.now() + 20_000
  for (;;) {
    const held = await look()
    if (good(held) || performance.now() > deadline) return held
  }
}

async function startGateway(
  module: URL,
  name: string,
  upstream: string,
): Promise<{ url: URL; held(): Promise<State> }> {
  const program = fileURLToPath(new URL('leaks-program.ts', import.meta.url))
  const child: ChildProcess = fork(program, [module.href, name, upstream], { execArgv: ['--expose-gc'] })
  onTestFinished(() => void child.kill())
  const [url] = await once(child, 'message')
  return {
    url: new URL(url),
    async held() {
      child.send('held')
      const [held] = await once(child, 'message')
      return held
    },
  }
}

interface BreakingOrigin {
  readonly port: number
  readonly sockets: Set<Socket>
  requests: number
}

/** Answers with as many bytes as the target says, and ends the connection after as many as it says then. */
async function startOrigin(dice: () => number): Promise<BreakingOrigin> {
  const sockets = new Set<Socket>()
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {})
    const next = (): ReturnType<typeof parser> => parser('request', { keep: 0 })
    let reading = next()
    socket.on('data', (bytes: Buffer) => {
      for (let rest = bytes; rest.length > 0; ) {
        rest = rest.subarray(reading.push(rest))
        const { headComplete, target } = reading.message
        if (headComplete && target.startsWith('/origin-leaves-early/')) return leave(socket, dice())
        if (!reading.done) return
        origin.requests++
        answer(socket, target, dice)
        reading = next()
      }
    })
  })
  const origin: BreakingOrigin = {
    get port() {
      return (server.address() as AddressInfo).port
    },
    sockets,
    requests: 0,
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return origin
}

function leave(socket: Socket, how: number): void {
  if (how < 0.5) socket.destroy()
  else socket.resetAndDestroy()
}

function answer(socket: Socket, target: string, dice: () => number): void {
  const [, what, size] = target.split('/')
  const body = Buffer.alloc(Number(size), 'x')
  const head =
    dice() < 0.5
      ? `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`
      : `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body.length.toString(16)}\r\n`
  const end = head.includes('chunked') ? (body.length === 0 ? '\r\n' : '\r\n0\r\n\r\n') : ''
  const whole = Buffer.concat([Buffer.from(head), body, Buffer.from(end)])
  if (what !== 'origin-leaves') {
    socket.write(whole)
    return
  }
  const how = dice()
  socket.write(whole.subarray(0, Math.floor(dice() * whole.length)), () => leave(socket, how))
}

/** Runs that many, so many at a time: one half to their end, the other one to some point before it. */
async function exchanges(total: number, url: URL, dice: () => number): Promise<void> {
  let left = total
  const worker = async (): Promise<void> => {
    for (; left > 0; ) {
      left--
      await exchange(url, dice)
    }
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

async function exchange({ port, hostname }: URL, dice: () => number): Promise<void> {
  const pick = (): number => sizes[Math.floor(dice() * sizes.length)] as number
  const fate = dice()
  const what =
    fate < 0.5
      ? 'whole'
      : fate < 0.75
        ? 'client-leaves'
        : fate < 0.9
          ? 'origin-leaves'
          : 'origin-leaves-early'
  const upload = Buffer.alloc(pick(), 'y')
  const head = `POST /${what}/${pick()} HTTP/1.1\r\nHost: a\r\nContent-Length: ${upload.length}\r\nConnection: close\r\n\r\n`
  const request = Buffer.concat([Buffer.from(head), upload])
  const socket = connect({ port: Number(port), host: hostname, noDelay: true })
  socket.on('error', () => {})
  const closed = once(socket, 'close')
  await once(socket, 'connect')
  if (what !== 'client-leaves') {
    socket.write(request)
    socket.resume()
    await closed
    return
  }
  const [part, how] = [dice(), dice()]
  if (part < 0.5)
    socket.write(request.subarray(0, Math.floor(part * 2 * request.length)), () => leave(socket, how))
  else {
    // In the middle of its answer, or before it.
    socket.write(request)
    let toRead = (part - 0.5) * 2 * 64 * KiB
    socket.on('data', ({ length }) => {
      toRead -= length
      if (toRead <= 0) leave(socket, how)
    })
  }
  await closed
}
