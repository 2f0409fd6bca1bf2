/** Programs behind a gateway, for every strategy: asked, killed under load, replaced under load. */

import { once } from 'node:events'
import http, { type IncomingMessage } from 'node:http'
import { createFetchProxy } from '@relayrace/fetch-proxy'
import { random } from '@relayrace/fixtures/seed'
import type { Choose, Gateway, GatewayOptions } from '@relayrace/gateway'
import { strategies } from '@relayrace/strategies'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { askAgain, type Program } from '../src/index.ts'
import { inGo, inNode, inPython, type Language } from './languages.ts'
import { node, stage } from './stage.ts'

/** `/api/NAME/…` goes to that program, which sees what is after the name. */
function under(apps: Readonly<Record<string, Program>>): Choose {
  return async (exchange) => {
    const [, name = '', path] = /^\/api\/(\w+)(\/.*)$/.exec(exchange.request.path) ?? []
    const app = apps[name]
    if (app === undefined || path === undefined) return { status: 404 }
    return { to: await app.upstream(exchange), path, name }
  }
}

interface Answer {
  /** 0: the connection ended before there was one. */
  readonly status: number
  readonly text: string
  /** Its end has come. */
  readonly complete: boolean
}

/** Whatever comes of it. Rejects when nothing does. */
function send(url: URL, target: string, { method = 'GET', body = '' } = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.request(new URL(target, url), { method, agent: false })
    const timer = setTimeout(() => reject(new Error(`${method} ${target} hangs`)), 20_000)
    request.on('close', () => clearTimeout(timer))
    request.on('error', () => resolve({ status: 0, text: '', complete: false }))
    request.on('response', (response) => {
      let text = ''
      response.setEncoding('latin1').on('data', (more: string) => (text += more))
      response.on('error', () => {})
      response.on('close', () =>
        resolve({ status: response.statusCode ?? 0, text, complete: response.complete }),
      )
    })
    request.end(body)
  })
}

/** As far as its head. */
async function begin(url: URL, target: string): Promise<IncomingMessage> {
  const [response] = await once(http.get(new URL(target, url), { agent: false }), 'response')
  return response
}

/** Of what is left of it; fewer than there should be when it breaks off. */
async function bytesOf(response: IncomingMessage): Promise<number> {
  let bytes = 0
  response.on('data', (piece: Buffer) => (bytes += piece.length))
  response.on('error', () => {})
  await once(response, 'close')
  return bytes
}

describe.each(strategies)('%s', (_, create) => {
  let languages: Readonly<Record<string, Language>>
  beforeAll(async () => {
    languages = { app1: inNode, app2: await inPython(), app3: await inGo() }
  }, 120_000)

  async function listen(options: GatewayOptions): Promise<{ gateway: Gateway; url: URL }> {
    const gateway = create(options)
    onTestFinished(() => gateway.close(0))
    const { url } = await gateway.listen()
    return { gateway, url }
  }

  /** Those that are here, in a gateway. */
  async function all(options: Partial<GatewayOptions> = {}) {
    const apps: Record<string, Program> = {}
    for (const [name, language] of Object.entries(languages))
      if (typeof language !== 'string')
        apps[name] = stage({ ...language, restart: { lived: 0 }, stop: { drain: 60_000 } }).app
    return { apps, ...(await listen({ upstream: under(apps), ...options })) }
  }

  describe('C5 programs behind a gateway', () => {
    test.for([
      ['app1', 'node'],
      ['app2', 'python'],
      ['app3', 'go'],
    ] as const)('%s in %s is started, sees no prefix, and streams', async ([name, language], { skip }) => {
      const missing = languages[name]
      if (typeof missing === 'string') skip(missing)
      const { apps, url } = await all()
      const hello = await send(url, `/api/${name}/a/b?c=%2F`)
      const pid = apps[name]?.state().instances[0]?.pid
      expect(JSON.parse(hello.text)).toEqual({ language, pid, path: '/a/b?c=%2F' })
      expect((await send(url, `/api/${name}/bytes/3000000`)).text).toHaveLength(3_000_000)
      const body = 'y'.repeat(100_000)
      expect((await send(url, `/api/${name}/echo`, { method: 'POST', body })).text).toBe(body)
      expect((await send(url, '/api/other/')).status).toBe(404)
      await expect.poll(() => apps[name]?.state().instances[0]?.inFlight).toBe(0)
    })

    test('one that cannot start is 503 with Retry-After at once, and the others answer', async () => {
      const { app } = stage({
        name: 'none',
        command: 'no-such-program',
        restart: { min: 60_000, max: 60_000 },
      })
      const { app: other } = stage(node)
      const { url } = await listen({ upstream: under({ none: app, other }) })
      for (const _ of [1, 2]) {
        const [response] = await once(http.get(new URL('/api/none/', url), { agent: false }), 'response')
        response.resume()
        expect([response.statusCode, response.headers['retry-after']]).toEqual([503, '1'])
      }
      expect((await send(url, '/api/other/')).status).toBe(200)
    })

    test('killed under load: each response is whole, an honest 502 or 503, or visibly broken', async () => {
      const dice = random('kills')
      const { apps, gateway, url } = await all({ transport: askAgain })
      const names = Object.keys(apps)
      const body = 'y'.repeat(20_000)
      const asks = {
        small: (name: string) => send(url, `/api/${name}/hello`),
        large: (name: string) => send(url, `/api/${name}/bytes/300000`),
        echo: (name: string) => send(url, `/api/${name}/echo`, { method: 'POST', body }),
      }
      const counts = { whole: 0, refused: 0, broken: 0 }
      const wrong: unknown[] = []
      const pick = <T>(list: readonly T[]): T => list[Math.floor(dice() * list.length)] as T
      const count = 400
      let left = count
      let kills = 0
      const loop = async (): Promise<void> => {
        while (left-- > 0) {
          if (left % 20 === 0) {
            const ready = Object.values(apps).flatMap((app) =>
              app.state().instances.filter(({ status }) => status === 'ready'),
            )
            const pid = ready.length === 0 ? undefined : pick(ready).pid
            if (pid !== undefined) kills += Number(killed(pid))
          }
          const kind = pick(Object.keys(asks) as (keyof typeof asks)[])
          const { status, text, complete } = await asks[kind](pick(names))
          const right = { small: text.startsWith('{'), large: text.length === 300_000, echo: text === body }[
            kind
          ]
          if (status === 200 && complete && right) counts.whole += 1
          else if (complete && (status === 502 || status === 503)) counts.refused += 1
          else if (!complete) counts.broken += 1
          else wrong.push({ kind, status, complete, length: text.length })
        }
      }
      await Promise.all(Array.from({ length: 12 }, loop))
      console.info(`${kills} kills: ${JSON.stringify(counts)}`)
      expect(wrong).toEqual([])
      expect(counts.whole + counts.refused + counts.broken).toBe(count)
      expect(kills).toBeGreaterThan(10)
      // What dies takes with it no more than what it had under way, and most of that is asked again.
      expect(counts.whole).toBeGreaterThan(0.75 * count)
      await expect.poll(() => gateway.inFlight).toBe(0)
      for (const name of names) {
        await expect.poll(async () => (await send(url, `/api/${name}/hello`)).status).toBe(200)
        await expect
          .poll(() => apps[name]?.state())
          .toMatchObject({ status: 'ready', waiting: 0, instances: [{ inFlight: 0, status: 'ready' }] })
      }
    }, 90_000)

    test('replaced under load: no request is lost', async () => {
      const { apps, url } = await all()
      const names = Object.keys(apps)
      for (const app of Object.values(apps)) await app.start()
      const before = Object.values(apps).flatMap((app) => app.state().instances.map(({ pid }) => pid))
      /** Under way when the change begins, and until the new ones are there: more than all buffers hold. */
      const slow = await Promise.all(names.map((name) => begin(url, `/api/${name}/bytes/40000000`)))
      const body = 'y'.repeat(20_000)
      let over = false
      const answers: Answer[] = []
      const loops = names.flatMap((name) =>
        [
          () => send(url, `/api/${name}/hello`),
          () => send(url, `/api/${name}/bytes/300000`),
          () => send(url, `/api/${name}/echo`, { method: 'POST', body }),
        ].map(async (one) => {
          while (!over) answers.push(await one())
        }),
      )
      const rolled = Promise.all(Object.values(apps).map((app) => app.roll()))
      for (const app of Object.values(apps))
        await expect
          .poll(() => app.state().instances.map(({ status }) => status))
          .toEqual(['draining', 'ready'])
      for (const download of slow) expect(await bytesOf(download)).toBe(40_000_000)
      await rolled
      await Promise.all(Object.values(apps).map((app) => app.roll()))
      over = true
      await Promise.all(loops)
      const lost = answers.filter(({ status, complete }) => status !== 200 || !complete)
      expect(lost.map(({ status, text }) => [status, text.length])).toEqual([])
      expect(answers.length).toBeGreaterThan(names.length * 3)
      const after = Object.values(apps).flatMap((app) => app.state().instances.map(({ pid }) => pid))
      expect(after).toHaveLength(before.length)
      expect(after.filter((pid) => before.includes(pid))).toEqual([])
    }, 90_000)
  })

  describe('C5 a request whose instance dies before it answers', () => {
    const dies = async (method: string) => {
      const { app, line, lines } = stage({ ...node, restart: { lived: 0 } })
      const { url } = await listen({ upstream: app.upstream, transport: askAgain })
      const answer = send(url, '/hold', { method })
      await line('holding')
      process.kill(app.state().instances[0]?.pid as number, 'SIGKILL')
      return { app, line, lines, url, answer }
    }

    test('is asked again of the next one, if that is safe', async () => {
      const { app, line, url, answer } = await dies('GET')
      await line('holding', 2)
      await send(url, '/release')
      expect(await answer).toEqual({ status: 200, text: 'released', complete: true })
      await expect.poll(() => app.state().instances[0]?.inFlight).toBe(0)
    })

    test('is 502 if it is not, and nobody is asked twice', async () => {
      const { app, lines, answer } = await dies('POST')
      expect((await answer).status).toBe(502)
      await app.start()
      expect(lines.filter(({ text }) => text === 'holding')).toHaveLength(1)
      expect(app.state().status).toBe('ready')
      await expect.poll(() => app.state().instances.map(({ inFlight }) => inFlight)).toEqual([0])
    })
  })
})

describe('C5 programs behind fetch()', () => {
  test('are free again once an exchange has ended, if askAgain stands around it', async () => {
    const { app } = stage(node)
    const gateway = createFetchProxy({ upstream: app.upstream, transport: askAgain })
    onTestFinished(() => gateway.close(0))
    const response = await gateway.fetch(new Request('http://a/hello'))
    expect(await response.json()).toMatchObject({ language: 'node', path: '/hello' })
    await expect.poll(() => app.state().instances[0]?.inFlight).toBe(0)
  })
})

function killed(pid: number): boolean {
  try {
    return process.kill(pid, 'SIGKILL')
  } catch {
    return false
  }
}
