/** Every program in docs/ does what its guide says. */

import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { globSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer, request, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'
import path from 'node:path'
import { buffer } from 'node:stream/consumers'
import { connect as connectTls } from 'node:tls'
import { certificates } from '@relayrace/fixtures/certificates'
import { bulkStats, startBulkOrigin } from '@relayrace/fixtures/origin'
import { freePort, type Program, startProgram } from '@relayrace/fixtures/target'
import { createPipeProxy, type ErrorType, GatewayError } from '@relayrace/pipe-proxy'
import { afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type Block, blocksOf, folderFor, isProgram, moduleOf, runBlock, typesIn } from './blocks.ts'
import { root } from './workspace.ts'

const guides = new Map<string, readonly Block[]>()
let folder = ''
const opened: AsyncDisposable[] = []

for (const document of globSync('docs/*.md', { cwd: root }).toSorted()) {
  const programs = (await blocksOf(document)).filter(isProgram)
  if (programs.length > 0) guides.set(document.slice('docs/'.length, -'.md'.length), programs)
}
beforeAll(async () => {
  folder = await folderFor('guides')
})
afterEach(async () => {
  for (const one of opened.splice(0).reverse()) await one[Symbol.asyncDispose]()
})

test('all of them have the right types', { timeout: 60_000 }, async () => {
  const shown = await blocksOf('packages/gateway/README.md')
  const typed = [...guides.values(), shown].flat().filter(({ language }) => language === 'ts')
  expect(await typesIn(await folderFor('guides-typed'), typed)).toBe('')
})

describe('downloads', () => {
  const run = async (): Promise<{ url: URL; origin: URL }> => {
    const origin = kept(await startBulkOrigin())
    const { url } = await start('downloads', 0, { ...at(origin.url), '/objects/8f3a.mp4': '/bytes/256MiB' })
    return { url: new URL('/videos/intro', url), origin: origin.url }
  }

  test('a player gets the part that it asks for', async () => {
    const { url } = await run()
    const response = await fetch(url, { headers: { Range: 'bytes=1000-1999' } })
    expect([response.status, response.headers.get('content-range'), (await response.bytes()).length]).toEqual(
      [206, `bytes 1000-1999/${256 * 2 ** 20}`, 1000],
    )
    expect(response.headers.get('content-type')).toBe('video/mp4')
  })

  test('the origin hears on what condition, and nobody gets what is not listed', async () => {
    const origin = await listening((asked, response) => response.end(asked.headers['if-range']))
    const { url } = await start('downloads', 0, at(origin))
    const headers = { Range: 'bytes=1000-', 'If-Range': '"another"' }
    expect(await (await fetch(new URL('/videos/intro', url), { headers })).text()).toBe('"another"')
    expect((await fetch(new URL('/videos/other', url))).status).toBe(404)
  })

  test('the origin is left when the player leaves', async () => {
    const { url, origin } = await run()
    const leaving = new AbortController()
    const response = await fetch(url, { signal: leaving.signal })
    await response.body?.getReader().read()
    leaving.abort()
    await expect.poll(async () => (await bulkStats(origin)).aborted).toBe(1)
  })
})

describe('uploads', () => {
  test('an upload is hashed on its way', async () => {
    const origin = kept(await startBulkOrigin())
    const gateway = await start('uploads', 0, at(origin.url))
    const body = await (await fetch(new URL('/bytes/3MiB', origin.url))).bytes()
    const response = await fetch(new URL('/upload?hash=1', gateway.url), { method: 'PUT', body })
    const { bytes, intact, sha256 } = (await response.json()) as Record<string, unknown>
    expect([bytes, intact]).toEqual([body.length, true])
    await expect.poll(() => gateway.stdout()).toContain(`/upload?hash=1 ${sha256}`)
  })

  test.each([
    ['stream: OK', 200, true],
    ['stream: Eicar-Signature FOUND', 422, false],
  ])('a scanner that says "%s" is heard before the end', async (verdict, status, whole) => {
    const scanner = await clamd(verdict)
    const { scanned } = await import(
      await moduleOf(folder, blockOf('uploads', 1), { '3310': `${scanner.port}` })
    )
    let complete = false
    const origin = await listening(async (asked, response) => {
      await buffer(asked).then(
        () => {
          complete = true
        },
        () => {},
      )
      response.end()
    })
    const gateway = createPipeProxy({
      upstream: origin.href,
      rewrite(out) {
        out.content = scanned
      },
    })
    kept({ [Symbol.asyncDispose]: () => gateway.close() })
    const { url } = await gateway.listen({ port: 0 })
    const body = new Uint8Array(1_000_000).fill(7)
    expect((await fetch(url, { method: 'PUT', body })).status).toBe(status)
    expect([complete, scanner.seen().equals(body)]).toEqual([whole, true])
  })
})

describe('model-tokens', () => {
  const env = { TOKEN: 'a token of ours', MODEL_KEY: 'the key' }

  test('the official client reads token by token, with a key that it does not have', async () => {
    const origin = await listening((asked, response) => {
      expect([asked.url, asked.headers.authorization]).toEqual(['/v1/chat/completions', 'Bearer the key'])
      response.writeHead(200, { 'Content-Type': 'text/event-stream' })
      say(response, 'Once')
    })
    const gateway = await start('model-tokens', 0, at(origin), env)
    const client = await moduleOf(folder, blockOf('model-tokens', 1), {
      'http://127.0.0.1:8080': gateway.url.origin,
      'for await (const chunk of stream)':
        'export default stream; if (false) for await (const chunk of stream)',
      'process.env.TOKEN': `'${env.TOKEN}'`,
    })
    const tokens = (await import(client)).default[Symbol.asyncIterator]()
    const next = async (): Promise<unknown> => (await tokens.next()).value?.choices[0].delta.content
    expect(await next()).toBe('Once')
    const [response] = answering
    say(response as ServerResponse, ' upon')
    expect(await next()).toBe(' upon')
    const left = once(response as ServerResponse, 'close')
    await tokens.return()
    await left
  })

  test('nobody else is let in', async () => {
    const gateway = await start('model-tokens', 0, {}, env)
    expect((await fetch(gateway.url, { headers: { Authorization: 'Bearer other' } })).status).toBe(401)
  })
})

describe('websocket', () => {
  test.each([
    [{ Cookie: 'session=4e0c8aa1', Origin: 'https://app.example' }, 101],
    [{ Cookie: 'a=b; session=4e0c8aa1', Origin: 'https://evil.example' }, 403],
    [{ Cookie: 'session=other', Origin: 'https://app.example' }, 401],
  ])('who comes with %j is answered with %i', async (headers, status) => {
    const origin = await listening(() => {})
    let user: unknown
    servers.at(-1)?.on('upgrade', (asked, socket: Socket) => {
      user = asked.headers['x-user']
      socket.write('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n')
      socket.pipe(socket).on('error', () => {})
    })
    const gateway = await start('websocket', 0, at(origin))
    const asking = request(gateway.url, {
      headers: { ...headers, Upgrade: 'websocket', Connection: 'Upgrade' },
    })
    const [answer, socket] = await Promise.race([
      once(asking.end(), 'upgrade'),
      once(asking, 'response').then(([response]) => [response, undefined]),
    ])
    expect(answer.statusCode).toBe(status)
    if (socket === undefined) return
    socket.write('hello')
    expect([`${(await once(socket, 'data'))[0]}`, user]).toEqual(['hello', 'ann'])
    socket.destroy()
  })

  test.each([
    ['GET', {}, 200],
    ['POST', {}, 403],
    ['POST', { Origin: 'https://evil.example' }, 403],
    ['POST', { Origin: 'https://app.example' }, 200],
  ])('of pages, %s with %j is answered with %i', async (method, headers, status) => {
    const origin = await listening((_, response) => response.end('a page'))
    const { url } = await start('websocket', 0, at(origin))
    const asking = request(url, { method, headers: { ...headers, Cookie: 'session=4e0c8aa1' } }).end()
    const [response] = await once(asking, 'response')
    expect(response.resume().statusCode).toBe(status)
  })
})

describe('dev-server', () => {
  test('pages come from Vite, and /api from the service', async () => {
    const origin = await listening((asked, response) => response.end(asked.url))
    const configFile = await moduleOf(folder, blockOf('dev-server', 0), at(origin))
    const { createServer: createVite } = await import('vite')
    const vite = await createVite({
      root: folder,
      configFile,
      logLevel: 'silent',
      server: { port: 0, host: '127.0.0.1', hmr: false },
    })
    kept({ [Symbol.asyncDispose]: () => vite.close() })
    await vite.listen()
    const { port } = (vite.httpServer as Server).address() as AddressInfo
    const page = async (path: string): Promise<string> =>
      (await fetch(`http://127.0.0.1:${port}${path}`)).text()
    expect(await page('/api/users?a=b')).toBe('/users?a=b')
    expect(await page('/@vite/client')).toContain('import')
  })
})

describe('timeouts', () => {
  test('who is too slow below /api/ is given up sooner, and the phase is told', async () => {
    const origin = await listening(() => {})
    const { url, stdout } = await start('timeouts', 0, { ...at(origin), '2_000': '50' })
    const response = await fetch(new URL('/api/slow', url))
    expect(response.status).toBe(504)
    expect(response.headers.get('proxy-status')).toContain('error=http_response_timeout')
    await expect.poll(stdout).toMatch(/^\/api\/slow 504 \{.*responseHead: \d+/ms)
  })
})

describe('memory', () => {
  test('limits are limits', async () => {
    const origin = await listening((_, response) => response.end('hello'))
    const { url } = await start('memory', 0, { ...at(origin), '20 * 2 ** 30': '4' })
    const statuses = ['some', 'more than that'].map(
      async (body) => (await fetch(url, { method: 'PUT', body })).status,
    )
    expect(await Promise.all(statuses)).toEqual([200, 413])
  })
})

describe('services', () => {
  const token = 'a token'
  const asked = async (url: URL, path: string, headers = { Authorization: `Bearer ${token}` }) => {
    const response = await fetch(new URL(path, url), { headers })
    return response.ok ? response.text() : response.status
  }
  const behind = async (): Promise<Record<string, string>> => {
    await writeFile(path.join(folder, 'users.mjs'), blockOf('services', 1).code)
    const others = [await listening((one, response) => response.end(`files${one.url}`))]
    others.push(await listening((one, response) => response.end(`pages${one.url}`)))
    return Object.fromEntries(others.map(({ origin }, i) => [`http://127.0.0.1:900${i}`, origin]))
  }
  const all = ['/users/a', '/files/b?c', '/d']

  test('a program, another service and the rest are each found, by who has the token', async () => {
    const { url } = await start('services', 0, await behind(), { TOKEN: token })
    expect(await Promise.all(all.map((one) => asked(url, one)))).toEqual([
      'users: /a\n',
      'files/b?c',
      'pages/d',
    ])
    expect(await asked(url, '/users/a', { Authorization: 'Bearer another' })).toBe(401)
  })

  test('and the file says the same', async () => {
    const [, yaml = ''] = /^```yaml\n(.*?)^```$/ms.exec(await readDocument('docs/services.md')) ?? []
    const port = `${await freePort()}`
    const hash = createHash('sha256').update(token).digest('hex')
    const places = {
      ...(await behind()),
      '8080': port,
      HASH: hash,
    }
    const text = Object.entries(places).reduce((all, [name, place]) => all.replaceAll(name, place), yaml)
    await writeFile(path.join(folder, 'relayrace.yaml'), text)
    const bin = path.join(root, 'packages/relayrace/src/bin.ts')
    const url = new URL(`http://127.0.0.1:${port}`)
    const argv = [process.execPath, bin, 'serve', 'relayrace.yaml', '--no-watch'] as const
    kept(await startProgram({ argv, cwd: folder, url }))
    expect(await Promise.all(all.map((one) => asked(url, one)))).toEqual([
      'users: /a\n',
      'files/b?c',
      'pages/d',
    ])
    expect(await asked(url, '/d', { Authorization: 'Bearer another' })).toBe(401)
  })
})

test.each([
  ['services', { TOKEN: '' }, 'TOKEN is not set'],
  ['security', { TOKEN: '' }, 'TOKEN is not set'],
  ['model-tokens', { TOKEN: '', MODEL_KEY: 'a key' }, 'TOKEN, which clients send, and MODEL_KEY'],
])('%s does not start without a token', async (guide, env, message) => {
  await expect(start(guide, 0, {}, env)).rejects.toThrow(message)
})

describe('load-balancer', () => {
  test('what the load balancer says of the client goes on', async () => {
    const origin = await listening((asked, response) => response.end(asked.headers['x-forwarded-for']))
    const { url } = await start('load-balancer', 0, { ...at(origin), "'0.0.0.0'": "'127.0.0.1'" })
    const response = await fetch(url, { headers: { 'X-Forwarded-For': '203.0.113.7' } })
    expect(await response.text()).toBe('203.0.113.7, 127.0.0.1')
  })
})

describe('security', () => {
  test('who has no token, and what is too much, is refused; what says too much is taken out', async () => {
    const origin = await listening((_, response) => response.setHeader('Server', 'secret').end('hello'))
    const { url } = await start('security', 0, at(origin), { TOKEN: 'a token' })
    const api = new URL('/api/a', url)
    const headers = { 'X-API-Token': 'a token' }
    const body = new Uint8Array(1_000_001)
    const [stranger, large, good] = [
      await fetch(api),
      await fetch(api, { method: 'PUT', headers, body }),
      await fetch(api, { headers }),
    ]
    expect([stranger.status, large.status, good.status]).toEqual([401, 413, 200])
    expect(good.headers.get('server')).toBeNull()
  })
})

describe('fetching-urls', () => {
  test.each([
    ['/download?url=http://127.0.0.1/', 403],
    ['/download?url=http://169.254.169.254/latest/meta-data/', 403],
    ['/download', 400],
  ])('%s is refused', async (target, status) => {
    const { url } = await start('fetching-urls', 0, {})
    expect((await fetch(new URL(target, url))).status).toBe(status)
  })
})

describe('observability', () => {
  test('an exchange is told of when it is over, and why it has failed', async () => {
    const origin = await listening((_, response) => response.end('hello'))
    const { url, stdout, stderr } = await start('observability', 0, at(origin))
    await fetch(url)
    await expect.poll(stdout).toMatch(/^GET \/ 200 completed \d+ ms \{/m)
    await opened.splice(opened.length - 2, 1)[0]?.[Symbol.asyncDispose]()
    expect((await fetch(url)).status).toBe(502)
    await expect.poll(stderr).toMatch(/^connection_(?:refused|terminated) /m)
  })
})

describe('tls', () => {
  test('clients are spoken to in HTTP/2 and HTTP/1.1', async () => {
    const origin = await listening((_, response) => response.end('hello'))
    const { server, ca } = await certificates()
    await writeFile(path.join(folder, 'server.pem'), server.cert)
    await writeFile(path.join(folder, 'server.key'), server.key)
    const { url } = await start('tls', 0, at(origin))
    for (const protocol of ['h2', 'http/1.1']) {
      const socket = connectTls({
        host: url.hostname,
        port: Number(url.port),
        ca,
        servername: 'localhost',
        ALPNProtocols: [protocol],
      })
      await once(socket, 'secureConnect')
      expect(socket.alpnProtocol).toBe(protocol)
      socket.destroy()
    }
  })
})

describe('troubleshooting', () => {
  test('each type of error is named where its status is', async () => {
    const text = await readDocument('docs/troubleshooting.md')
    const [, section = ''] = /^## 502$(.*?)^## /ms.exec(text) ?? []
    const types = [...section.matchAll(/^\| `(\w+_\w+)`/gm)].map(([, type]) => type as ErrorType)
    expect(types.length).toBeGreaterThan(5)
    const statuses = types.map((type) => new GatewayError(type, { phase: 'connect' }).status)
    expect(new Set(statuses)).toEqual(new Set([502]))
  })
})

describe('the picture of timeouts', () => {
  test('has every one of them by its name', async () => {
    const options = await readDocument('packages/gateway/README.md')
    const rows = [...options.matchAll(/^\| `timeouts\.(.*?) \|/gm)].map(([, names = '']) => names)
    const names = rows.flatMap((row) => [...row.matchAll(/\w+/g)].map(([name]) => name))
    const picture = await readDocument('docs/timeouts.svg')
    const drawn = [...picture.matchAll(/>(\w+)<\/text>/g)].map(([, name]) => name)
    // There is a tunnel instead of bodies, or there is none.
    expect(names.filter((name) => !drawn.includes(name))).toEqual(['tunnel'])
    expect(drawn.filter((name) => !names.includes(name as string))).toEqual([])
  })
})

describe('add-a-strategy', () => {
  /** What the guide leaves to the reader. */
  const asking = `
    import { once } from 'node:events'
    import { request } from 'node:http'
    import { relay } from '@relayrace/gateway/strategy'
    async function askSomehow({ out, endpoint }, signal) {
      const asked = request(new URL(out.path, endpoint.origin), { method: out.method, signal }).end()
      const [answer] = await once(asked, 'response')
      return Object.assign(answer, { status: answer.statusCode, reason: answer.statusMessage })
    }
  `

  test('its pieces, put together, are a gateway', async () => {
    const origin = kept(await startBulkOrigin())
    const pieces = [0, 1, 2].map((i) => blockOf('add-a-strategy', i).code)
    const file = path.join(folder, 'my-proxy.js')
    const manifest = path.join(root, 'packages/gateway/package.json')
    const text = [asking, ...pieces].join('\n').replace('../package.json', manifest)
    await writeFile(file, text)
    const env = { PORT: '0', UPSTREAM: origin.url.origin }
    const { url } = kept(await startProgram({ argv: [process.execPath, file], cwd: folder, env }))
    const response = await fetch(new URL('/bytes/1MiB', url))
    expect([response.status, (await response.bytes()).length]).toEqual([200, 2 ** 20])
  })
})

/** Elsewhere: beside the packages that they are about. */
const elsewhere = ['migrating', 'transport']

test('each program of each guide has a test', () => {
  expect([...started].toSorted()).toEqual(
    [...guides]
      .filter(([name]) => !elsewhere.includes(name))
      .flatMap(([name, programs]) => programs.map((_, i) => `${name} ${i}`)),
  )
})

const started = new Set<string>()

function blockOf(guide: string, index: number): Block {
  started.add(`${guide} ${index}`)
  const block = guides.get(guide)?.[index]
  if (block === undefined) throw new Error(`docs/${guide}.md has no program ${index}`)
  return block
}

const readDocument = (document: string): Promise<string> => readFile(path.join(root, document), 'utf8')

const at = (origin: URL): Record<string, string> => ({ 'http://127.0.0.1:9000': origin.origin })

async function start(
  guide: string,
  index: number,
  places: Readonly<Record<string, string>>,
  env?: Readonly<Record<string, string>>,
): Promise<Program> {
  return kept(await runBlock(folder, blockOf(guide, index), places, env))
}

function kept<T extends AsyncDisposable>(one: T): T {
  opened.push(one)
  return one
}

const servers: Server[] = []
const answering: ServerResponse[] = []

async function listening(answer: Parameters<typeof createServer>[1]): Promise<URL> {
  answering.length = 0
  const server = createServer((asked, response) => {
    answering.push(response as ServerResponse)
    answer?.(asked, response as Parameters<NonNullable<typeof answer>>[1])
  }).listen(0, '127.0.0.1')
  servers.push(server)
  await once(server, 'listening')
  kept({
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
    },
  })
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)
}

/** As a model says a token. */
function say(response: ServerResponse, content: string): void {
  const chunk = { id: '1', object: 'chat.completion.chunk', choices: [{ index: 0, delta: { content } }] }
  response.write(`data: ${JSON.stringify(chunk)}\n\n`)
}

/** What ClamAV's daemon does, with a verdict that is given. */
async function clamd(verdict: string): Promise<{ port: number; seen: () => Buffer }> {
  let seen = Buffer.alloc(0)
  const server = createTcpServer((socket) => {
    let unread = Buffer.alloc(0)
    let greeted = false
    socket.on('error', () => {})
    socket.on('data', (piece: Buffer) => {
      unread = Buffer.concat([unread, piece])
      if (!greeted && unread.length >= 10) {
        expect(unread.subarray(0, 10).toString()).toBe('zINSTREAM\0')
        greeted = true
        unread = unread.subarray(10)
      }
      while (greeted && unread.length >= 4) {
        const length = unread.readUInt32BE()
        if (length === 0) {
          socket.end(`${verdict}\0`)
          return
        }
        if (unread.length < 4 + length) return
        seen = Buffer.concat([seen, unread.subarray(4, 4 + length)])
        unread = unread.subarray(4 + length)
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  kept({
    async [Symbol.asyncDispose]() {
      server.close()
    },
  })
  return { port: (server.address() as AddressInfo).port, seen: () => seen }
}
