/** The example is a program that runs, with every strategy, and answers whatever happens to its services. */

import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import http, { type IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setInterval as every } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { random } from '@relayrace/fixtures/seed'
import { type Program, startProgram } from '@relayrace/fixtures/target'
import { describe, expect, onTestFinished, test } from 'vitest'
import { WebSocket } from 'ws'

const run = fileURLToPath(new URL('../run.ts', import.meta.url))
const token = 'secret'
const headers = { 'X-API-Token': token }
/** Those that are replaced under load: with LOAD, that many requests a second, each of them. */
const replaced =
  process.env.LOAD === undefined
    ? ['pipe-proxy', 'duplex-server']
    : ['pipe-proxy', 'reverse-proxy', 'dispatch-proxy', 'fetch-proxy', 'duplex-server']
const languages = { app1: 'Node', app2: 'Python', app3: 'Go' } as const

async function start(strategy: string, env: Readonly<Record<string, string>> = {}): Promise<Program> {
  const running = await startProgram({
    argv: [process.execPath, run, 'gateway', '--strategy', strategy],
    env: { PORT: '0', TOKEN: token, RATE: '1000000', ...env },
  })
  onTestFinished(() => running[Symbol.asyncDispose]())
  return running
}

const isThere = ({ stderr }: Program, language: string): boolean =>
  !stderr().includes(`There is no ${language === 'Python' ? 'python3' : 'go'}`) || language === 'Node'

/** The processes that it has started, as it has said. */
const pids = ({ stderr }: Program): number[] =>
  [...stderr().matchAll(/ready after \d+ ms, process (\d+)/g)].map(([, pid]) => Number(pid))

interface Answer {
  /** 0: the connection ended before there was one. */
  readonly status: number
  readonly bytes: number
  readonly text: string
  readonly complete: boolean
}

/** Whatever comes of it. Rejects when nothing does. */
function get(url: URL, target: string, given: Record<string, string> = headers): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = http.get(new URL(target, url), { headers: given, agent: false })
    const timer = setTimeout(() => reject(new Error(`${target} hangs`)), 30_000)
    request.on('close', () => clearTimeout(timer))
    request.on('error', () => resolve({ status: 0, bytes: 0, text: '', complete: false }))
    request.on('response', (response) => {
      let [bytes, text] = [0, '']
      response.on('data', (piece: Buffer) => {
        bytes += piece.length
        if (bytes < 1_000) text += piece
      })
      response.on('error', () => {})
      response.on('close', () => {
        const { statusCode: status = 0, complete } = response
        resolve({ status, bytes, text, complete })
      })
    })
  })
}

describe.each(['pipe-proxy', 'reverse-proxy', 'dispatch-proxy', 'fetch-proxy', 'duplex-server'])(
  'with %s',
  (strategy) => {
    test('who has no token is told so, and nothing is started for him', async () => {
      const running = await start(strategy)
      for (const given of [{}, { 'X-API-Token': 'secreT' }])
        expect(await get(running.url, '/api/app1/', given)).toMatchObject({
          status: 401,
          text: 'Unauthorized\n',
        })
      const refused = new WebSocket(new URL('/api/app1/', running.url))
      const [, response] = (await once(refused, 'unexpected-response')) as [unknown, IncomingMessage]
      expect(response.statusCode).toBe(401)
      response.destroy()
      expect(pids(running)).toEqual([])
    })

    test('C5 each service is behind its prefix', async () => {
      const running = await start(strategy)
      for (const [name, language] of Object.entries(languages)) {
        const answer = await get(running.url, `/api/${name}/a?b`)
        if (isThere(running, language))
          expect(answer.text).toMatch(new RegExp(`^GET /a\\?b in ${language}, process \\d+\\n$`))
        else expect(answer.status).toBe(404)
      }
      expect(await get(running.url, '/api/app4/')).toMatchObject({ status: 404, text: 'Not Found\n' })
    })

    test('more than it allows in a second is 429, and says when to come again', async () => {
      const running = await start(strategy, { RATE: '2' })
      const ask = (): Promise<Response> => fetch(new URL('/api/none', running.url), { headers })
      const answers = await Promise.all([ask(), ask(), ask()])
      expect(answers.map(({ status }) => status).toSorted()).toEqual([404, 404, 429])
      expect(answers.find(({ status }) => status === 429)?.headers.get('retry-after')).toBe('1')
    })

    if (replaced.includes(strategy))
      test('the routes are read again and all instances replaced, which loses no request', async () => {
        const folder = await mkdtemp(path.join(tmpdir(), 'relayrace-'))
        onTestFinished(() => rm(folder, { recursive: true }))
        const file = path.join(folder, 'routes.json')
        const before = { '/api/app1/': 'app1', '/api/app2/': 'app2', '/api/app3/': 'app3' }
        await writeFile(file, JSON.stringify(before))
        const running = await start(strategy, { ROUTES: file })
        const targets = ['/api/app1/x', '/api/app1/y']
        if (isThere(running, 'Python')) targets.push('/api/app2/x')
        if (isThere(running, 'Go')) targets.push('/api/app3/x')
        for (const target of targets) expect((await get(running.url, target)).status).toBe(200)
        const old = pids(running)

        const load = under(running.url, targets)
        for (const routes of [before, { ...before, '/api/new/': 'app1' }]) {
          await writeFile(file, JSON.stringify(routes))
          const said = running.stdout().length
          process.kill(running.pid as number, 'SIGHUP')
          await expect.poll(() => running.stdout().slice(said)).toContain('replaced')
          await load.some()
        }
        const counts = await load.end()
        console.info(`${strategy}: ${JSON.stringify(counts)}`)
        expect(counts.lost).toEqual([])
        expect(counts.whole).toBeGreaterThan(rate / 10)
        expect((await get(running.url, '/api/new/x')).status).toBe(200)
        expect(old.filter(lives)).toEqual([])
      })

    test('WebSocket, events one by one, and a large download', async ({ skip }) => {
      const running = await start(strategy)
      const socket = new WebSocket(new URL('/api/app1/', running.url), { headers })
      await once(socket, 'open')
      socket.send('through the gateway')
      expect(String((await once(socket, 'message'))[0])).toBe('through the gateway')
      socket.close()
      await once(socket, 'close')

      if (!isThere(running, 'Python') || !isThere(running, 'Go')) skip('there is no python3 or no go')
      const request = http.get(new URL('/api/app2/events', running.url), { headers, agent: false })
      const [events] = (await once(request, 'response')) as [IncomingMessage]
      expect(events.headers['content-type']).toBe('text/event-stream')
      let seen = ''
      // The fourth is sent three tenths of a second after the first: they do not come together at the end, which never comes.
      for await (const piece of events.setEncoding('utf8')) {
        seen += piece
        if (seen.includes('id: 3\n')) break
      }
      expect([...seen.matchAll(/^id: (\d)$/gm)].map(([, id]) => id)).toEqual(['0', '1', '2', '3'])

      const large = 256 * 1024 * 1024
      expect(await get(running.url, `/api/app3/bytes/${large}`)).toMatchObject({
        status: 200,
        bytes: large,
        complete: true,
      })
    })

    test('while its services are killed and replaced, each answer is whole, an honest refusal, or visibly broken', async () => {
      const running = await start(strategy)
      const dice = random(`kills ${strategy}`)
      const pick = <T>(list: readonly T[]): T => list[Math.floor(dice() * list.length)] as T
      const targets = ['/api/app1/x']
      if (isThere(running, 'Python')) targets.push('/api/app2/x')
      if (isThere(running, 'Go')) targets.push('/api/app3/x', '/api/app3/bytes/1000000')
      const counts = { whole: 0, refused: 0, broken: 0 }
      const wrong: unknown[] = []
      let kills = 0
      // A refusal comes at once, and many of them while a service is down: what is whole is what counts.
      const loop = async (): Promise<void> => {
        while (counts.whole < 500) {
          const target = pick(targets)
          const { status, bytes, text, complete } = await get(running.url, target)
          const right = target.includes('bytes') ? bytes === 1_000_000 : text.startsWith('GET /x in ')
          if (status === 200 && complete && right) {
            counts.whole += 1
            if (counts.whole % 150 === 0) process.kill(running.pid as number, 'SIGHUP')
            else if (counts.whole % 25 === 0) kills += Number(killed(pick(pids(running).slice(-4))))
          } else if (complete && (status === 502 || status === 503)) counts.refused += 1
          else if (!complete) counts.broken += 1
          else wrong.push({ target, status, bytes, complete })
        }
      }
      await Promise.all(Array.from({ length: 12 }, loop))
      console.info(`${strategy}, ${kills} kills: ${JSON.stringify(counts)}`)
      expect(wrong).toEqual([])
      expect(kills).toBeGreaterThan(3)
      for (const target of targets)
        await expect.poll(async () => (await get(running.url, target)).status).toBe(200)

      process.kill(running.pid as number, 'SIGTERM')
      expect(await running.exited).toEqual({ code: 0, signal: null })
      expect(pids(running).filter(lives)).toEqual([])
    })
  },
)

function killed(pid: number | undefined): boolean {
  try {
    return pid !== undefined && process.kill(pid, 'SIGKILL')
  } catch {
    return false
  }
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

/** Requests per second, however long their answers take. */
const rate = Number(process.env.LOAD ?? 200)

interface Load {
  /** Resolves when some more have been answered. */
  some(): Promise<void>
  /** Resolves when there is an answer to each. */
  end(): Promise<{ asked: number; whole: number; perSecond: number; lost: readonly string[] }>
}

function under(url: URL, targets: readonly string[]): Load {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 128 })
  const lost: string[] = []
  const begun = performance.now()
  let [asked, whole] = [0, 0]
  const ask = (target: string): Promise<void> =>
    new Promise((resolve) => {
      const lose = (why: unknown): void => {
        lost.push(`${target}: ${why}`)
        resolve()
      }
      const request = http.get(new URL(target, url), { headers, agent, timeout: 30_000 })
      request.on('timeout', () => request.destroy(new Error('hangs'))).on('error', lose)
      request.on('response', async (response) => {
        let text = ''
        try {
          for await (const piece of response) text += piece
          if (response.statusCode !== 200 || !text.startsWith('GET /'))
            return lose(`${response.statusCode} ${text}`)
          whole += 1
          resolve()
        } catch (error) {
          lose(error)
        }
      })
    })
  const over = new AbortController()
  const all: Promise<void>[] = []
  const running = (async () => {
    for await (const _ of every(10, undefined, { signal: over.signal })) {
      const due = ((performance.now() - begun) / 1_000) * rate
      while (asked < due) all.push(ask(targets[asked++ % targets.length] as string))
    }
  })().catch(() => {})
  return {
    async some() {
      const enough = whole + rate / 2
      await expect.poll(() => whole + lost.length).toBeGreaterThan(enough)
    },
    async end() {
      over.abort()
      const seconds = (performance.now() - begun) / 1_000
      await running
      await Promise.all(all)
      agent.destroy()
      return { asked, whole, perSecond: Math.round(asked / seconds), lost }
    },
  }
}
