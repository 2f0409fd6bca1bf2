import { once } from 'node:events'
import net, { type AddressInfo } from 'node:net'
import { Duplex } from 'node:stream'
import tls from 'node:tls'
import { certificates } from '@relayrace/fixtures/certificates'
import { describe, expect, onTestFinished, test } from 'vitest'
import { endedInOrder, watchCloseNotify } from '../src/node/close-notify.ts'

const { ca, server: certificate } = await certificates()

/** What becomes of all that an origin has to say, which ends with its alert. */
type Cut = (bytes: Buffer, lastRecord: number) => Buffer

interface Origin {
  readonly port: number
  /** Everything, FIN included, is in the hands of the kernel. */
  readonly over: Promise<unknown>
}

/** Asked for anything, it sends that much, its alert and FIN, in one go. */
async function origin(size: number, version: tls.SecureVersion, cut: Cut): Promise<Origin> {
  const secureContext = tls.createSecureContext({ ...certificate, maxVersion: version })
  const { promise: over, resolve } = Promise.withResolvers()
  const listening = net.createServer({ allowHalfOpen: true }, (raw) => {
    raw.on('error', () => {})
    const held: Buffer[] = []
    let holding = false
    const below = new Duplex({
      read() {},
      write(bytes: Buffer, _, done) {
        if (holding) held.push(Buffer.from(bytes))
        else raw.write(bytes)
        done()
      },
      final(done) {
        const bytes = Buffer.concat(held)
        raw.end(cut(bytes, startOfLastRecord(bytes)), resolve as () => void)
        done()
      },
    })
    raw.on('data', (bytes: Buffer) => below.push(bytes))
    const secure = new tls.TLSSocket(below, { isServer: true, secureContext })
    secure.on('error', () => {})
    secure.once('data', () => {
      holding = true
      secure.end(Buffer.alloc(size, 'x'))
    })
  })
  listening.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  onTestFinished(() => void listening.close())
  return { port: (listening.address() as AddressInfo).port, over }
}

function startOfLastRecord(bytes: Buffer): number {
  let start = 0
  for (let next = 0; next < bytes.length; next += 5 + bytes.readUInt16BE(next + 3)) start = next
  return start
}

/** What was read until the end, and whether that was in order. */
async function read({ port, over }: Origin, late: boolean): Promise<{ bytes: number; inOrder: boolean }> {
  const socket = watchCloseNotify(tls.connect({ host: '127.0.0.1', port, ca }))
  onTestFinished(() => {
    socket.destroy()
  })
  await once(socket, 'secureConnect')
  expect(endedInOrder(socket)).toBe(true)
  socket.write('now')
  if (late) await over
  let bytes = 0
  socket.on('data', (piece: Buffer) => {
    bytes += piece.length
    if (!late) return
    socket.pause()
    setImmediate(() => socket.resume())
  })
  await once(socket, 'end')
  return { bytes, inOrder: endedInOrder(socket) }
}

const whole: Cut = (bytes) => bytes
const cuts: Readonly<Record<string, Cut>> = {
  'the alert is missing': (bytes, last) => bytes.subarray(0, last),
  'the alert is cut in half': (bytes) => bytes.subarray(0, bytes.length - 8),
  'nothing of it but its first byte came': (bytes, last) => bytes.subarray(0, last + 1),
}

describe.each(['TLSv1.2', 'TLSv1.3'] as const)('a connection over %s', (version) => {
  describe.each([
    ['a few bytes', 5],
    ['a record', 16_384],
    ['more than is read at once', 200_000],
  ])('after %s', (_, size) => {
    test.each([
      ['a reader that waits', false],
      ['one that comes late and is slow', true],
    ])('is ended in order by close_notify, for %s', async (_, late) => {
      expect(await read(await origin(size, version, whole), late)).toEqual({ bytes: size, inOrder: true })
    })

    test.each(
      Object.entries(cuts).flatMap(([name, cut]) => [false, true].map((late) => [name, late, cut] as const)),
    )('is not when %s (read late: %s)', async (_, late, cut) => {
      expect(await read(await origin(size, version, cut), late)).toEqual({ bytes: size, inOrder: false })
    })
  })
})

test('a connection that nobody watches counts as ended in order', () => {
  expect(endedInOrder(new net.Socket())).toBe(true)
})
