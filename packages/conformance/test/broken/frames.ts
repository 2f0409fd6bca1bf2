/** Speaks HTTP/2 as far as it has to, and copies what it reads into HTTP/1.1 without a look at it. */

import { readFileSync } from 'node:fs'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { createServer } from 'node:tls'
import { parseArgs } from 'node:util'

const upstream = new URL(process.env.UPSTREAM ?? '')
const dial = (): Socket =>
  connect({ host: upstream.hostname, port: Number(upstream.port) }).on('error', () => {})
const { values } = parseArgs({
  // There are no limits here.
  strict: false,
  options: { 'tls.cert': { type: 'string' }, 'tls.key': { type: 'string' } },
})
const preface = 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'.length
const [DATA, HEADERS, PING, END_STREAM] = [0, 1, 6, 1]

const server = createServer(
  {
    cert: readFileSync(String(values['tls.cert'])),
    key: readFileSync(String(values['tls.key'])),
    ALPNProtocols: ['h2', 'http/1.1'],
  },
  (client) => {
    client.on('error', () => {})
    const origin = dial()
    client.once('close', () => origin.destroy())
    if (client.alpnProtocol !== 'h2') return void client.pipe(origin).pipe(client)
    let rest = Buffer.alloc(0)
    let begun = false
    client.on('data', (bytes: Buffer) => {
      rest = Buffer.concat([rest, bytes])
      if (!begun && rest.length >= preface) {
        begun = true
        rest = rest.subarray(preface)
        client.write(frame(4, 0))
      }
      while (begun && rest.length >= 9 && rest.length >= 9 + rest.readUIntBE(0, 3)) {
        const payload = rest.subarray(9, 9 + rest.readUIntBE(0, 3))
        const [type, flags = 0] = rest.subarray(3, 5)
        if (type === HEADERS) origin.write(asHead(fieldsIn(payload), (flags & END_STREAM) === 0), 'latin1')
        if (type === DATA) origin.write(payload)
        if (type === DATA && (flags & END_STREAM) !== 0) client.write(ok)
        if (type === PING) client.write(frame(PING, 1, payload))
        rest = rest.subarray(9 + payload.length)
      }
    })
  },
)
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  process.stdout.write(`https://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
})
process.once('SIGTERM', () => process.exit())

/** `:status: 200`, and nothing else. */
const ok = frame(HEADERS, 5, Buffer.from([0x88]), 1)

function frame(type: number, flags: number, payload: Buffer = Buffer.alloc(0), stream = 0): Buffer {
  const head = Buffer.from([0, 0, 0, type, flags, 0, 0, 0, stream])
  head.writeUIntBE(payload.length, 0, 3)
  return Buffer.concat([head, payload])
}

/** Neither indexed nor compressed. */
function fieldsIn(block: Buffer): [name: string, value: string][] {
  const found: [string, string][] = []
  for (let at = 0; at < block.length; ) {
    const [name, value] = [1, 2].map(() => {
      const length = block[++at] ?? 0
      const text = block.toString('latin1', at + 1, at + 1 + length)
      at += length
      return text
    }) as [string, string]
    at++
    found.push([name, value])
  }
  return found
}

function asHead(fields: readonly (readonly [string, string])[], content: boolean): string {
  const pseudo = Object.fromEntries(fields)
  const others = fields.filter(([name]) => !/^:(?:method|path|scheme|authority)$/.test(name))
  const framed = content && !('content-length' in pseudo) ? [['transfer-encoding', 'chunked']] : []
  return [
    `${pseudo[':method'] ?? 'GET'} ${pseudo[':path'] || '/'} HTTP/1.1`,
    `host: ${pseudo[':authority'] ?? 'a'}`,
    ...[...others, ...framed].map((field) => field.join(': ')),
    '\r\n',
  ].join('\r\n')
}
