/** HTTP/2 frame by frame (RFC 9113 §4): for what a proper client would never send, and would never show. */

import { once } from 'node:events'
import { connect, type TLSSocket } from 'node:tls'

export interface Frame {
  readonly type: number
  readonly flags: number
  readonly stream: number
  readonly payload: Buffer
}

export const DATA = 0
export const HEADERS = 1
export const RST_STREAM = 3
export const SETTINGS = 4
export const GOAWAY = 7
export const CONTINUATION = 9

export const END_STREAM = 1
export const END_HEADERS = 4

export interface FrameClient extends Disposable {
  readonly socket: TLSSocket
  readonly frames: readonly Frame[]
  send(type: number, flags: number, stream: number, payload?: Buffer): void
  /** The first frame that fits, now or later. Rejects when the connection ends without one. */
  frame(fits: (frame: Frame) => boolean): Promise<Frame>
}

/** Says hello and takes the server's settings. */
export async function frameClient(url: URL, ca: string): Promise<FrameClient> {
  const socket = connect({ host: url.hostname, port: Number(url.port), ca, ALPNProtocols: ['h2'] })
  await once(socket, 'secureConnect')
  const frames: Frame[] = []
  let rest = Buffer.alloc(0)
  let closed = false
  let tell = (): void => {}
  socket.on('data', (bytes: Buffer) => {
    rest = Buffer.concat([rest, bytes])
    while (rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
      const length = rest.readUIntBE(0, 3)
      const stream = rest.readUInt32BE(5) & 0x7fff_ffff
      frames.push({
        type: rest[3] as number,
        flags: rest[4] as number,
        stream,
        payload: rest.subarray(9, 9 + length),
      })
      rest = rest.subarray(9 + length)
    }
    tell()
  })
  socket.on('error', () => {})
  socket.on('close', () => {
    closed = true
    tell()
  })
  const send = (type: number, flags: number, stream: number, payload: Buffer = Buffer.alloc(0)): void => {
    const head = Buffer.alloc(9)
    head.writeUIntBE(payload.length, 0, 3)
    head[3] = type
    head[4] = flags
    head.writeUInt32BE(stream, 5)
    socket.write(Buffer.concat([head, payload]))
  }
  socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n')
  send(SETTINGS, 0, 0)
  return {
    socket,
    frames,
    send,
    frame(fits) {
      return new Promise((resolve, reject) => {
        tell = () => {
          const found = frames.find(fits)
          if (found !== undefined) resolve(found)
          else if (closed) reject(new Error(`no such frame: ${frames.map(({ type }) => type).join(' ')}`))
        }
        tell()
      })
    },
    [Symbol.dispose]: () => socket.destroy(),
  }
}

/** A field section: literals without indexing and without Huffman coding (RFC 7541 §6.2.2). */
export function fields(...lines: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(lines.flatMap(([name, value]) => [Buffer.of(0), text(name), text(value)]))
}

/** The pseudo-fields of a request. */
export function request(
  method: string,
  path: string,
  ...more: readonly (readonly [name: string, value: string])[]
): Buffer {
  return fields(
    [':method', method],
    [':scheme', 'https'],
    [':authority', 'localhost'],
    [':path', path],
    ...more,
  )
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, 'latin1')
  if (bytes.length < 127) return Buffer.concat([Buffer.of(bytes.length), bytes])
  const length = [127]
  let left = bytes.length - 127
  for (; left >= 128; left >>= 7) length.push((left & 127) | 128)
  return Buffer.concat([Buffer.from([...length, left]), bytes])
}

/** The 32-bit number that RST_STREAM carries, and GOAWAY in its second word. */
export function errorCode({ type, payload }: Frame): number {
  return payload.readUInt32BE(type === GOAWAY ? 4 : 0)
}
