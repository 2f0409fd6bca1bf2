import { once } from 'node:events'
import { get } from 'node:http'
import type { AddressInfo } from 'node:net'
import tls, { type SecureVersion, type TLSSocket } from 'node:tls'
import { certificates } from '@relayrace/fixtures/certificates'
import type { GatewayOptions } from '@relayrace/gateway'
import { describe, expect, onTestFinished, test } from 'vitest'
import { createDuplexGateway } from '../src/gateway.ts'
import { Sessions } from '../src/sessions.ts'

const { ca, server, client, selfSigned } = await certificates()

/** Ends its connection with each answer, and notes of each connection whether it resumed a session, and whose it is. */
async function stage(options: tls.TlsOptions = {}) {
  const seen: { resumed: boolean; client: string | undefined }[] = []
  const origin = tls.createServer({ ...server, ...options }, (socket: TLSSocket) => {
    seen.push({
      resumed: socket.isSessionReused(),
      client: socket.getPeerCertificate().subject?.CN as string,
    })
    socket.on('error', () => {})
    socket.once('data', () => {
      socket.end('HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok')
    })
  })
  origin.listen(0, '127.0.0.1')
  await once(origin, 'listening')
  onTestFinished(() => void origin.close())
  const { port } = origin.address() as AddressInfo

  /** Requests through one gateway, one after the other. @returns their statuses. */
  const gateway = async (given: Partial<GatewayOptions> = {}) => {
    const made = createDuplexGateway({ upstream: `https://localhost:${port}`, tls: { ca }, ...given })
    onTestFinished(() => made.close(0))
    const { url } = await made.listen()
    return async (path = '/'): Promise<number | undefined> => {
      const asked = get(new URL(path, url), { agent: false })
      const [response] = await once(asked, 'response')
      response.resume()
      await once(response, 'end')
      return response.statusCode
    }
  }
  return { origin, port, seen, gateway, resumed: () => seen.map(({ resumed }) => resumed) }
}

describe('the session of an upstream', () => {
  test.each(['TLSv1.2', 'TLSv1.3'] as SecureVersion[])('is resumed: %s', async (version) => {
    const { gateway, resumed } = await stage({ minVersion: version, maxVersion: version })
    const ask = await gateway()
    expect([await ask(), await ask(), await ask()]).toEqual([200, 200, 200])
    expect(resumed()).toEqual([false, true, true])
  })

  test('is given up with a handshake that fails', async () => {
    const { origin, gateway, resumed } = await stage()
    const ask = await gateway()
    expect(await ask()).toBe(200)
    origin.once('connection', (socket) => socket.destroy())
    expect([await ask(), await ask()]).toEqual([502, 200])
    expect(resumed()).toEqual([false, false])
  })

  test('is that of its name only', async () => {
    const { port, gateway, resumed } = await stage()
    const ask = await gateway({ upstream: ({ request }) => `https://${request.target.slice(1)}:${port}` })
    for (const name of ['localhost', '127.0.0.1', 'localhost', '127.0.0.1'])
      expect(await ask(`/${name}`)).toBe(200)
    expect(resumed()).toEqual([false, false, true, true])
  })

  test('is that of one gateway, with its certificate and its authorities', async () => {
    const { seen, gateway } = await stage({ requestCert: true, rejectUnauthorized: false })
    const nobody = await gateway()
    const somebody = await gateway({ tls: { ca, ...client } })
    const distrustful = await gateway({ tls: { ca: selfSigned.cert } })
    for (const ask of [nobody, somebody, nobody, somebody]) expect(await ask()).toBe(200)
    expect(await distrustful()).toBe(502)
    expect(seen.slice(0, 4)).toEqual([
      { resumed: false, client: undefined },
      { resumed: false, client: 'relayrace test client' },
      { resumed: true, client: undefined },
      { resumed: true, client: 'relayrace test client' },
    ])
  })
})

test('of many sessions the oldest go', () => {
  const sessions = new Sessions()
  for (let i = 0; i < 150; i++) sessions.keep(String(i), Buffer.of(i))
  sessions.keep('50', Buffer.of(1))
  sessions.keep('150', Buffer.of(2))
  expect([sessions.get('49'), sessions.get('51')]).toEqual([undefined, undefined])
  expect([sessions.get('50'), sessions.get('52')]).toEqual([Buffer.of(1), Buffer.of(52)])
})
