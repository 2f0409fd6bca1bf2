import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import tls, { type TLSSocket } from 'node:tls'
import { certificates } from '@relayrace/fixtures/certificates'
import { describe, expect, onTestFinished, test } from 'vitest'
import { file, files, program, strategies, until } from './programs.ts'

const { ca, server, client, wrongHost, expired, selfSigned } = await certificates()

/** A plain origin that tells the request as it came. */
async function origin(): Promise<URL> {
  const listening = http.createServer((request, response) => {
    response.end(request.rawHeaders.join('\n'))
  })
  listening.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  onTestFinished(() => {
    listening.closeAllConnections()
    listening.close()
  })
  return new URL(`http://127.0.0.1:${(listening.address() as AddressInfo).port}`)
}

/** Tells the name it was asked for, and who asked. */
async function secureOrigin(options: https.ServerOptions): Promise<URL> {
  const listening = https.createServer(options, ({ socket }, response) => {
    const { servername } = socket as TLSSocket & { servername: string | false }
    const { subject } = (socket as TLSSocket).getPeerCertificate()
    response.end(`${servername} ${subject?.CN ?? 'nobody'}`)
  })
  listening.listen(0, '127.0.0.1')
  await once(listening, 'listening')
  onTestFinished(() => {
    listening.closeAllConnections()
    listening.close()
  })
  return new URL(`https://127.0.0.1:${(listening.address() as AddressInfo).port}`)
}

interface Answer {
  readonly status: number | undefined
  readonly text: string
  readonly proxyStatus: string | undefined
}

async function get(url: URL, options: https.RequestOptions = {}): Promise<Answer> {
  const { request } = url.protocol === 'https:' ? https : http
  const asked = request(url, { ca, agent: false, ...options } as https.RequestOptions).end()
  const [response] = (await once(asked, 'response')) as [http.IncomingMessage]
  const parts = await response.setEncoding('utf8').toArray()
  const proxyStatus = response.headers['proxy-status'] as string | undefined
  return { status: response.statusCode, text: parts.join(''), proxyStatus }
}

/** A connection that stays open. */
async function handshake(url: URL, options: tls.ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = tls.connect({
    host: '127.0.0.1',
    port: Number(url.port),
    rejectUnauthorized: false,
    ...options,
  })
  onTestFinished(() => {
    socket.destroy()
  })
  await once(socket, 'secureConnect')
  socket.on('error', () => {})
  return socket
}

/** Which certificate a new connection is shown. */
async function shown(url: URL, servername = ''): Promise<string | undefined> {
  const socket = await handshake(url, { servername })
  const { raw } = socket.getPeerCertificate()
  socket.destroy()
  const known = Object.entries({ server, wrongHost, expired, selfSigned })
  return known.find(([, { cert }]) => cert.replace(/-----.*?-----|\s/g, '') === raw.toString('base64'))?.[0]
}

describe.each(strategies)('B6 %s terminates TLS', (name) => {
  test('and says so to the origin', async () => {
    const { cert, key } = await files(server)
    const { url } = await program(name, await origin(), '--tls.cert', cert, '--tls.key', key)
    expect(url.protocol).toBe('https:')
    const { status, text } = await get(url)
    expect(status).toBe(200)
    expect(text).toContain('X-Forwarded-Proto\nhttps')
  })

  test('for a client that offers only HTTP/1.0', async () => {
    const { cert, key } = await files(server)
    const { url } = await program(name, await origin(), '--tls.cert', cert, '--tls.key', key)
    const socket = await handshake(url, { ALPNProtocols: ['http/1.0'] })
    expect(socket.alpnProtocol).toBe('http/1.0')
    socket.write('GET / HTTP/1.0\r\nHost: a\r\n\r\n')
    // It is closed after the answer, as was asked by the version.
    const answer = Buffer.concat(await socket.toArray()).toString()
    expect(answer).toMatch(/^HTTP\/1\.1 200 .*\r\n\r\n.*X-Forwarded-Proto\nhttps/s)
  })

  test('and ends a connection that wants to renegotiate', async () => {
    const [main, other] = [await files(server), await files(wrongHost)]
    const { url } = await program(
      name,
      await origin(),
      ...['--tls.cert', main.cert, '--tls.key', main.key],
      ...['--tls.sni', `elsewhere.invalid=${other.cert},${other.key}`],
    )
    for (const servername of ['', 'elsewhere.invalid']) {
      const socket = await handshake(url, { servername, maxVersion: 'TLSv1.2' })
      const closed = new Promise((resolve) => socket.once('close', resolve))
      const refused = new Promise((resolve) => socket.once('error', resolve))
      socket.renegotiate({}, () => {})
      expect(await refused).toMatchObject({ code: 'ERR_SSL_NO_RENEGOTIATION' })
      await closed
    }
  })

  test('with the certificate of the name that is asked for', async () => {
    const [main, other, wild] = [await files(server), await files(wrongHost), await files(selfSigned)]
    const { url } = await program(
      name,
      await origin(),
      ...['--tls.cert', main.cert, '--tls.key', main.key],
      ...['--tls.sni', `Elsewhere.Invalid=${other.cert},${other.key}`],
      ...['--tls.sni', `*.Wild.invalid=${wild.cert},${wild.key}`],
    )
    expect(await shown(url)).toBe('server')
    expect(await shown(url, 'unknown.invalid')).toBe('server')
    expect(await shown(url, 'ELSEWHERE.invalid')).toBe('wrongHost')
    expect(await shown(url, 'a.WILD.invalid')).toBe('selfSigned')
    expect(await shown(url, 'a.b.wild.invalid')).toBe('server')
  })

  test('reads certificates that have changed, and leaves open connections alone', async () => {
    const pair = await files(server)
    const named = await files(server)
    const { url } = await program(
      name,
      await origin(),
      ...['--tls.cert', pair.cert, '--tls.key', pair.key],
      ...['--tls.sni', `elsewhere.invalid=${named.cert},${named.key}`],
    )
    const agent = new https.Agent({ keepAlive: true, maxSockets: 1 })
    onTestFinished(() => agent.destroy())
    const asked = https.request(url, { ca, agent }).end()
    const [first] = (await once(asked, 'response')) as [http.IncomingMessage]
    await first.resume().toArray()
    await Promise.all([pair.replace(selfSigned), named.replace(wrongHost)])
    await until(async () => ((await shown(url)) === 'selfSigned' ? true : undefined))
    await until(async () => ((await shown(url, 'elsewhere.invalid')) === 'wrongHost' ? true : undefined))
    const again = https.request(url, { ca, agent }).end()
    const [second] = (await once(again, 'response')) as [http.IncomingMessage]
    await second.resume().toArray()
    expect(second.statusCode).toBe(200)
    expect(again.reusedSocket).toBe(true)
  })

  test('keeps what it has when the new file is broken, and says so', async () => {
    const pair = await files(server)
    const running = await program(name, await origin(), '--tls.cert', pair.cert, '--tls.key', pair.key)
    await pair.replace({ cert: 'no certificate', key: selfSigned.key })
    await until(() => (/certificates not changed/.test(running.stderr()) ? true : undefined))
    expect(await shown(running.url)).toBe('server')
    expect((await get(running.url)).status).toBe(200)
  })

  test('reads certificates again on SIGHUP', async () => {
    const pair = await files(server)
    const running = await program(name, await origin(), '--tls.cert', pair.cert, '--tls.key', pair.key)
    process.kill(running.pid as number, 'SIGHUP')
    await until(() => (/certificates read again/.test(running.stderr()) ? true : undefined))
    expect(await shown(running.url)).toBe('server')
  })

  test('not below TLS 1.2', async () => {
    const { cert, key } = await files(server)
    const { url } = await program(name, await origin(), '--tls.cert', cert, '--tls.key', key)
    const old = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const
    await expect(handshake(url, old)).rejects.toThrow()
    expect((await handshake(url, { maxVersion: 'TLSv1.2' })).getProtocol()).toBe('TLSv1.2')
  })

  test('not without a key that fits', async () => {
    const [one, other] = [await files(server), await files(selfSigned)]
    const started = program(name, await origin(), '--tls.cert', one.cert, '--tls.key', other.key)
    await expect(started).rejects.toThrow(/did not start/)
  })
})

describe.each(strategies)('B6 %s asks an https: origin', (name) => {
  test('that an authority it was told of vouches for', async () => {
    const authority = await file(ca)
    const { url } = await program(name, await secureOrigin(server), '--upstream-tls.ca', authority)
    expect(await get(url)).toMatchObject({ status: 200, text: 'false nobody' })
  })

  test.each([
    ['for another host', wrongHost],
    ['expired', expired],
    ['self-signed', selfSigned],
  ])('not when its certificate is %s', async (_, shows) => {
    const upstream = await secureOrigin(shows)
    const { url } = await program(name, upstream, '--upstream-tls.ca', await file(ca))
    const { status, text, proxyStatus } = await get(url)
    expect(status).toBe(502)
    expect(proxyStatus).toMatch(/; error=tls_certificate_error$/)
    expect(text).toBe('tls certificate error\n')
  })

  test('not when nobody it knows vouches for it', async () => {
    const { url } = await program(name, await secureOrigin(server))
    expect(await get(url)).toMatchObject({
      status: 502,
      proxyStatus: expect.stringMatching(/tls_certificate_error$/),
    })
  })

  test('by the name it was told', async () => {
    const { url } = await program(
      name,
      await secureOrigin(wrongHost),
      ...['--upstream-tls.ca', await file(ca), '--upstream-tls.servername', 'elsewhere.invalid'],
    )
    expect(await get(url)).toMatchObject({ status: 200, text: 'elsewhere.invalid nobody' })
  })

  test('with a certificate of its own', async () => {
    const upstream = await secureOrigin({ ...server, ca, requestCert: true, rejectUnauthorized: true })
    const us = await files(client)
    const flags = ['--upstream-tls.ca', await file(ca)]
    const withOne = ['--upstream-tls.cert', us.cert, '--upstream-tls.key', us.key]
    const { url } = await program(name, upstream, ...flags, ...withOne)
    expect(await get(url)).toMatchObject({ status: 200, text: 'false relayrace test client' })
    const without = await program(name, upstream, ...flags)
    expect((await get(without.url)).status).toBe(502)
  })

  test('whatever its certificate says when told to', async () => {
    const { url } = await program(name, await secureOrigin(selfSigned), '--upstream-tls.insecure')
    expect((await get(url)).status).toBe(200)
  })

  test('not below the version it was told', async () => {
    const upstream = await secureOrigin({ ...server, maxVersion: 'TLSv1.2' })
    const { url } = await program(
      name,
      upstream,
      ...['--upstream-tls.ca', await file(ca), '--upstream-tls.minVersion', 'TLSv1.3'],
    )
    const { status, proxyStatus } = await get(url)
    expect(status).toBe(502)
    expect(proxyStatus).toMatch(/error=tls_/)
  })
})
