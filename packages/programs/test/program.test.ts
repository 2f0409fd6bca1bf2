/** A program's life: begun, ready, asked, died, replaced, stopped. */

import { once } from 'node:events'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { UnixSocket } from '@relayrace/gateway'
import { longest } from '@relayrace/gateway/strategy'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import { freePort } from '../src/address.ts'
import { ProgramError, type ProgramOptions, program } from '../src/index.ts'
import { pauseAfter } from '../src/place.ts'
import { ask, exchange, lives, node, pidOf, script, stage } from './stage.ts'

const unavailable = { type: 'destination_unavailable', status: 503 }
const onePort = async (): Promise<number> => (await freePort('127.0.0.1')).port as number
const forever = 'setInterval(() => {}, 1000)'

describe('C5 a program is ready', () => {
  test.each<[string, Partial<ProgramOptions>]>([
    ['when it accepts connections', {}],
    ['when it accepts connections at a socket', { socket: 'auto' }],
    ['when a path answers', { ready: { path: '/health' } }],
    ['when a path answers at a socket', { socket: 'auto', ready: { path: '/health', status: 200 } }],
    ['when it has said so', { ready: { line: /^listening$/ } }],
  ])('%s', async (_, options) => {
    const { app } = stage({ ...node, ...options })
    await app.start()
    const [instance] = app.state().instances
    expect(app.state()).toMatchObject({ status: 'ready', starts: 1, restarts: 0, error: undefined })
    expect(await pidOf(await app.upstream(exchange().exchange))).toBe(instance?.pid)
  })

  test('at the port that it was given', async () => {
    const port = await onePort()
    const { app } = stage({ ...node, port })
    await app.start()
    expect(String(await app.upstream(exchange().exchange))).toBe(`http://127.0.0.1:${port}/`)
  })

  test('at a port that nobody is given who does not mind which', async () => {
    const ports = await Promise.all(Array.from({ length: 50 }, onePort))
    expect(new Set(ports).size).toBe(50)
    expect(ports.filter((port) => port < 20_000 || port >= 32_000)).toEqual([])
  })

  test('with its port in arguments and environment, and nothing of ours', async () => {
    const { app, line } = stage({
      ...script(
        `console.log('told', process.argv[1], process.env.URL, process.env.PORT, process.env.SOCKET)\n${forever}`,
      ),
      env: { URL: 'http://{host}:{port}' },
      ready: { line: 'told' },
    })
    await app.start()
    const { port } = new URL(String(await app.upstream(exchange().exchange)))
    expect((await line('told')).text).toBe(`told undefined http://127.0.0.1:${port} ${port} undefined`)
  })

  test('with its socket in the environment, and not the port of its parent', async () => {
    const { app, line } = stage({
      ...script(`console.log('told', process.env.PORT, process.env.SOCKET)\n${forever}`),
      socket: 'auto',
      ready: { line: 'told' },
    })
    process.env.PORT = '8080'
    try {
      await app.start()
    } finally {
      delete process.env.PORT
    }
    const { socketPath } = (await app.upstream(exchange().exchange)) as UnixSocket
    expect((await line('told')).text).toBe(`told undefined ${socketPath}`)
  })

  test('with a whole environment, whatever the names in it', async () => {
    const { app, line } = stage({
      ...script(`console.log('told', process.env['a.b'], process.env.NONE)\n${forever}`),
      env: { 'a.b': 'c', NONE: undefined },
      ready: { line: 'told' },
    })
    await app.start()
    expect((await line('told')).text).toBe('told c undefined')
    await app.close()
    expect((await line('it was ended by SIGTERM')).instance).toBe(1)
  })

  test.each([
    ['any good one', 503, 200, undefined],
    ['the one that is wanted', 200, 204, 204],
  ])('not before a path answers with %s', async (_, early, late, status) => {
    const text = `let times = 0
      require('http').createServer((request, response) => {
        response.statusCode = ++times > 2 ? ${late} : ${early}
        response.end(() => console.log('answered', response.statusCode))
      }).listen(process.env.PORT, process.env.HOST)`
    const ready = { path: '/health', ...(status !== undefined && { status }) }
    const { app, line, lines } = stage({ ...script(text), ready })
    await app.start()
    await line(`answered ${late}`)
    expect(lines.filter((one) => one.text === `answered ${early}`)).toHaveLength(2)
  })
})

describe('C5 a start that comes to nothing', () => {
  test.each<[string, ProgramOptions, string]>([
    [
      'there is no such program',
      { command: 'no-such-program', name: 'app' },
      'it ended with 127 before it was ready: ',
    ],
    [
      'there is no such folder',
      { ...node, cwd: '/no/such/folder' },
      'it could not be started before it was ready: spawn',
    ],
    [
      'it ends',
      script(`console.error('no database'); process.exit(3)`),
      'it ended with 3 before it was ready: no database',
    ],
    ['it takes too long', { ...script(forever), startup: 200 }, 'it was not ready within 200 ms'],
  ])('says why: %s', async (_, options, why) => {
    const { app } = stage(options)
    const failure = await app.start().catch((error: Error) => error)
    expect(failure).toBeInstanceOf(ProgramError)
    expect((failure as Error).message).toContain(`app#1: ${why}`)
    expect(app.state()).toMatchObject({ status: 'down', error: failure })
  })

  test.each([
    [
      'a head that comes byte by byte',
      `c.write('HTTP/1.1 200 OK\\r\\nA: '); setInterval(() => c.write('a'), 50)`,
    ],
    ['informational responses', `setInterval(() => c.write('HTTP/1.1 102 Processing\\r\\n\\r\\n'), 50)`],
  ])('takes no longer than it may, whatever is answered: %s', async (_, answer) => {
    const text = `require('net').createServer((c) => { c.on('error', () => {}); ${answer} }).listen(process.env.PORT, process.env.HOST)`
    const { app } = stage({ ...script(text), ready: { path: '/' }, startup: 400 })
    await expect(app.start()).rejects.toThrow('it was not ready within 400 ms')
  })

  test('says so where somebody else listens, and that one is sent nothing', async () => {
    const other = createServer((socket) => void socket.destroy()).listen(0, '127.0.0.1')
    await once(other, 'listening')
    onTestFinished(() => void other.close())
    const { port } = other.address() as AddressInfo
    const { app } = stage({ ...script(forever), port, restart: false })
    await expect(app.start()).rejects.toThrow(`app: somebody else listens at 127.0.0.1:${port} already`)
    expect(app.state()).toMatchObject({ status: 'down', starts: 0 })
  })

  test('is answered at once, to those who wait and those who come then', async () => {
    const { app } = stage({ ...script('process.exit(1)'), restart: { min: 60_000, max: 60_000 } })
    const waiting = [exchange(), exchange()].map((one) => app.upstream(one.exchange))
    for (const one of waiting) await expect(one).rejects.toMatchObject(unavailable)
    await expect(app.upstream(exchange().exchange)).rejects.toMatchObject(unavailable)
    expect(app.state()).toMatchObject({ status: 'down', starts: 1, waiting: 0 })
  })

  test('is tried again, after pauses that grow, as often as it may be', async () => {
    const { app, line, lines } = stage({
      ...script('process.exit(1)'),
      restart: { min: 10, max: 40, attempts: 4 },
    })
    await expect(app.start()).rejects.toThrow(ProgramError)
    await line('before it was ready', 4)
    const pauses = lines.flatMap(({ text }) => /again in (\d+) ms/.exec(text)?.[1] ?? []).map(Number)
    expect(pauses).toHaveLength(3)
    expect(app.state()).toMatchObject({ status: 'down', starts: 4 })
  })

  test('is no end: it can be started once more', async () => {
    const { app } = stage({ ...script('process.exit(1)'), restart: false })
    await expect(app.start()).rejects.toThrow('app#1')
    await expect(app.start()).rejects.toThrow('app#2')
  })

  test('is not tried a thousand times a second where a pause is longer than timers can be', () => {
    const endless = { min: 100, max: Number.POSITIVE_INFINITY, lived: 0, attempts: 1 }
    expect([32, 2_000].map((failures) => pauseAfter(failures, endless, 1))).toEqual([longest, longest])
  })

  test('pauses double, within bounds, with some chance in them', () => {
    const bounds = { min: 100, max: 1_000, lived: 0, attempts: 1 }
    expect([1, 2, 3, 4, 5, 60].map((failures) => pauseAfter(failures, bounds, 0))).toEqual([
      100, 200, 400, 800, 1_000, 1_000,
    ])
    expect([1, 2, 5].map((failures) => pauseAfter(failures, bounds, 1))).toEqual([150, 300, 1_000])
  })
})

describe('C5 a program starts when it is asked', () => {
  test('once for all who ask meanwhile', async () => {
    const { app } = stage(node)
    expect(app.state().status).toBe('stopped')
    const asked = Array.from({ length: 10 }, () => app.upstream(exchange().exchange))
    expect(app.state()).toMatchObject({ status: 'starting', waiting: 10 })
    const origins = new Set(await Promise.all(asked))
    expect(origins.size).toBe(1)
    expect(app.state()).toMatchObject({ status: 'ready', starts: 1, waiting: 0 })
    expect(app.state().instances[0]?.inFlight).toBe(10)
  })

  test('and is waited for no longer than that', async () => {
    const { app } = stage({ ...script(forever), wait: 50 })
    await expect(app.upstream(exchange().exchange)).rejects.toMatchObject(unavailable)
    expect(app.state()).toMatchObject({ status: 'starting', waiting: 0 })
  })

  test('for a client that has left nobody waits, and nothing is counted', async () => {
    const { app } = stage(node)
    const { exchange: one, leave } = exchange()
    const asked = app.upstream(one)
    leave()
    await expect(asked).rejects.toThrow('left')
    await app.start()
    expect(() => app.upstream(one)).toThrow('left')
    expect(app.state()).toMatchObject({ waiting: 0, instances: [{ inFlight: 0 }] })
  })

  test('stops when nobody has asked for a while, and starts again', async () => {
    const { app, line } = stage({ ...node, idle: 100 })
    const { exchange: one, end } = exchange()
    const pid = await pidOf(await app.upstream(one))
    end()
    await line('it ended with 0')
    await expect.poll(() => app.state().status).toBe('stopped')
    expect(lives(pid)).toBe(false)
    expect(await pidOf(await app.upstream(exchange().exchange))).not.toBe(pid)
  })

  test('where the one before still is, when that has gone', async () => {
    const text = `process.on('SIGTERM', () => { console.log('ending'); setTimeout(() => process.exit(0), 300) })
      require('http').createServer((request, response) => response.end(JSON.stringify({ pid: process.pid })))
        .listen(process.env.PORT, process.env.HOST)`
    const { app, line } = stage({ ...script(text), port: await onePort(), idle: 50 })
    const { exchange: one, end } = exchange()
    const pid = await pidOf(await app.upstream(one))
    end()
    await line('ending')
    expect(await pidOf(await app.upstream(exchange().exchange))).not.toBe(pid)
    expect(app.state().starts).toBe(2)
  })

  test('does not stop while it is asked', async () => {
    const { app, line, lines } = stage({ ...node, idle: 30 })
    const { app: other, line: lineOfOther } = stage({ ...node, idle: 120 })
    const { exchange: one, end } = exchange()
    const origin = await app.upstream(one)
    const answer = ask(origin, '/hold')
    await line('holding')
    await other.start()
    await lineOfOther('it ended')
    expect(lines.filter(({ text }) => text.startsWith('it ended'))).toEqual([])
    await ask(origin, '/release')
    expect(await answer).toBe('released')
    end()
    await line('it ended')
  })
})

describe('C5 a program that dies', () => {
  test('is started again at once if it has lived', async () => {
    const { app } = stage({ ...node, restart: { lived: 0 } })
    await app.start()
    const origin = await app.upstream(exchange().exchange)
    const pid = await pidOf(origin)
    process.kill(pid, 'SIGKILL')
    await expect.poll(() => app.state().restarts).toBe(1)
    const next = await pidOf(await app.upstream(exchange().exchange))
    expect(next).not.toBe(pid)
    expect(app.state()).toMatchObject({ status: 'ready', starts: 2, restarts: 1 })
  })

  test('at its socket, though the one that was killed has left that behind', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'app-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const { app, line } = stage({ ...node, socket: path.join(folder, 'app.sock'), restart: { lived: 0 } })
    await app.start()
    process.kill(app.state().instances[0]?.pid as number, 'SIGKILL')
    await line('ready after', 2)
    await expect.poll(() => app.state()).toMatchObject({ status: 'ready', restarts: 1 })
  })

  test('is down for a while if it has not', async () => {
    const { app, line } = stage({ ...node, restart: { lived: 60_000, min: 60_000, max: 60_000 } })
    await app.start()
    process.kill(await pidOf(await app.upstream(exchange().exchange)), 'SIGKILL')
    await line('starting again in 60000 ms')
    expect(app.state().status).toBe('down')
    await expect(app.upstream(exchange().exchange)).rejects.toMatchObject(unavailable)
  })

  test('stays dead if that is wanted, until it is started', async () => {
    const { app, line } = stage({ ...node, restart: false })
    await app.start()
    process.kill(await pidOf(await app.upstream(exchange().exchange)), 'SIGKILL')
    await line('it was ended by SIGKILL after')
    await expect(app.upstream(exchange().exchange)).rejects.toMatchObject(unavailable)
    await app.start()
    expect(app.state()).toMatchObject({ status: 'ready', starts: 2, restarts: 0 })
  })

  test('is no more than one of several', async () => {
    const { app } = stage({ ...node, instances: 2 })
    await app.start()
    const [one, other] = [await app.upstream(exchange().exchange), await app.upstream(exchange().exchange)]
    const pids = [await pidOf(one), await pidOf(other)]
    expect(new Set(pids).size).toBe(2)
    process.kill(pids[0] as number, 'SIGKILL')
    await expect.poll(() => app.state().instances.map(({ pid }) => pid)).not.toContain(pids[0])
    expect(await pidOf(await app.upstream(exchange().exchange))).toBe(pids[1])
  })
})

describe('C5 the instance that is asked', () => {
  test('is the one with the fewest exchanges', async () => {
    const { app } = stage({ ...node, instances: 3 })
    await app.start()
    const all = Array.from({ length: 9 }, () => exchange())
    for (const { exchange: one } of all) await app.upstream(one)
    expect(app.state().instances.map(({ inFlight }) => inFlight)).toEqual([3, 3, 3])
    const [first] = app.state().instances
    for (const { exchange: one, end } of all) if ((await app.upstream(one)) === first?.origin) end()
    const counts = app.state().instances.map(({ inFlight }) => inFlight)
    expect(Math.min(...counts)).toBe(0)
    const { origin } = app.state().instances[counts.indexOf(0)] as { origin: unknown }
    expect(await app.upstream(exchange().exchange)).toBe(origin)
  })
})

describe('C5 a program is replaced', () => {
  test('by a new instance that is ready, and the old one ends what it has begun', async () => {
    const { app, line } = stage({ ...node, stop: { drain: 60_000 } })
    await app.start()
    const { exchange: one, end } = exchange()
    const old = await app.upstream(one)
    const pid = await pidOf(old)
    const answer = ask(old, '/hold')
    await line('holding')
    const rolled = app.roll()
    await line('ready after', 2)
    await expect.poll(() => app.state().instances.map(({ status }) => status)).toEqual(['draining', 'ready'])
    const { exchange: another, end: endAnother } = exchange()
    expect(await pidOf(await app.upstream(another))).not.toBe(pid)
    endAnother()
    await ask(old, '/release')
    expect(await answer).toBe('released')
    end()
    await rolled
    expect(lives(pid)).toBe(false)
    expect(app.state().instances).toHaveLength(1)
  })

  test('and an old one that dies meanwhile is waited for no longer', async () => {
    const { app, line } = stage({ ...node, stop: { drain: Number.POSITIVE_INFINITY } })
    await app.start()
    const { exchange: one, end } = exchange()
    onTestFinished(end)
    const pid = await pidOf(await app.upstream(one))
    const rolled = app.roll()
    await line('ready after', 2)
    await expect.poll(() => app.state().instances.map(({ status }) => status)).toEqual(['draining', 'ready'])
    process.kill(pid, 'SIGKILL')
    await rolled
    expect(app.state().instances.map(({ status }) => status)).toEqual(['ready'])
  })

  test.each<[string, Partial<ProgramOptions>]>([
    ['wait', { wait: 3e9 }],
    ['startup', { startup: 3e9 }],
    ['idle', { idle: 3e9 }],
  ])('whose %s is longer than timers can be is not taken to have had it', async (_, options) => {
    const warned = vi.spyOn(process, 'emitWarning')
    onTestFinished(() => warned.mockRestore())
    const { app } = stage({ ...node, ...options })
    await app.upstream(exchange().exchange)
    expect(app.state()).toMatchObject({ status: 'ready', starts: 1 })
    expect(warned).not.toHaveBeenCalled()
  })

  test('whose grace is longer than timers can be ends as it wants', async () => {
    const { app, line } = stage({
      ...script(
        `process.on('SIGTERM', () => setTimeout(() => process.exit(7), 50)); console.log('up'); ${forever}`,
      ),
      ready: { line: 'up' },
      stop: { grace: 3e9 },
    })
    await app.start()
    await app.close()
    expect((await line('it ended with 7')).stream).toBe('events')
  })

  test('and no timer is left of how long it would have been waited for', async () => {
    const drain = 3_000_000
    const { app, line } = stage({ ...node, stop: { drain } })
    await app.start()
    const { exchange: one, end } = exchange()
    await app.upstream(one)
    const timers = timersOf(drain)
    const rolled = app.roll()
    await line('ready after', 2)
    await expect.poll(timers).toEqual({ set: 1, left: 1 })
    end()
    await rolled
    expect(timers()).toEqual({ set: 1, left: 0 })
  })

  test('nor of the pause before another start, once it is closed', async () => {
    const pause = 3_000_000
    const timers = timersOf(pause)
    const { app } = stage({ ...script('process.exit(1)'), restart: { min: pause, max: pause } })
    await expect(app.start()).rejects.toThrow('it ended with 1')
    expect(timers()).toEqual({ set: 1, left: 1 })
    await app.close()
    expect(timers()).toEqual({ set: 1, left: 0 })
  })

  test('nor of a start that was awaited', async () => {
    const startup = 3_000_000
    const timers = timersOf(startup)
    const { app } = stage({ ...node, startup })
    await app.start()
    expect(timers()).toEqual({ set: 1, left: 0 })
  })

  test('nor of the grace of an end', async () => {
    const grace = 3_000_000
    const timers = timersOf(grace)
    const { app } = stage({ ...node, stop: { grace } })
    await app.start()
    await app.close()
    expect(timers()).toEqual({ set: 1, left: 0 })
  })

  test('but not by one that comes to nothing', async () => {
    const { app } = stage({ ...node, startup: 5_000 })
    await app.start()
    const { origin, pid } = app.state().instances[0] as { origin: URL; pid: number }
    process.env.NODE_OPTIONS = '--no-such-option'
    try {
      await expect(app.roll()).rejects.toThrow('not allowed in NODE_OPTIONS')
    } finally {
      delete process.env.NODE_OPTIONS
    }
    expect(await pidOf(origin)).toBe(pid)
    expect(app.state()).toMatchObject({ status: 'ready', instances: [{ pid }] })
  })

  test('by one of two, where the old one has died meanwhile and was begun again', async () => {
    // The second one takes until it is told.
    const folder = mkdtempSync(path.join(tmpdir(), 'app-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const text = `const fs = require('fs'), n = fs.readdirSync('.').length; fs.writeFileSync('started' + n, '')
      const go = () => require('http').createServer().listen(process.env.PORT, process.env.HOST, () => console.log('listening'))
      if (n !== 1 && n !== 2) go()
      else { console.log('waits'); const i = setInterval(() => fs.existsSync('go' + n) && (clearInterval(i), go()), 5) }`
    const { app, line } = stage({
      ...script(text),
      cwd: folder,
      ready: { line: 'listening' },
      restart: { lived: 0 },
      stop: { signal: 'SIGKILL' },
    })
    await app.start()
    const rolled = app.roll()
    await line('waits')
    process.kill(app.state().instances[0]?.pid as number, 'SIGKILL')
    await line('waits', 2)
    writeFileSync(path.join(folder, 'go1'), '')
    await rolled
    writeFileSync(path.join(folder, 'go2'), '')
    await line('ready after', 3)
    await expect.poll(() => app.state().instances).toHaveLength(1)
    expect(app.state()).toMatchObject({ status: 'ready', starts: 3 })
  })

  test('in turn where there is one address, and requests wait', async () => {
    const { app } = stage({ ...node, port: await onePort(), stop: { drain: 60_000 } })
    await app.start()
    const [first, second] = [exchange(), exchange()]
    const pid = await pidOf(await app.upstream(first.exchange))
    const rolled = app.roll()
    const asked = app.upstream(second.exchange)
    expect(app.state()).toMatchObject({ status: 'starting', waiting: 1, starts: 1 })
    first.end()
    expect(await pidOf(await asked)).not.toBe(pid)
    second.end()
    await rolled
    expect(app.state()).toMatchObject({ status: 'ready', starts: 2, instances: [{ inFlight: 0 }] })
  })

  test('all instances, one by one, once for those who ask meanwhile', async () => {
    const { app } = stage({ ...node, instances: 2 })
    await app.start()
    const before = app.state().instances.map(({ pid }) => pid)
    const asked = [app.roll(), app.roll(), app.roll()]
    await Promise.all(asked)
    const after = app.state().instances.map(({ pid }) => pid)
    expect(after).toHaveLength(2)
    expect(after.filter((pid) => before.includes(pid))).toEqual([])
    expect(app.state().starts).toBe(6)
  })

  test('by a start if it is down, which is tried again when it comes to nothing', async () => {
    const { app, line } = stage({ ...script('process.exit(1)'), restart: { min: 10, max: 10, attempts: 2 } })
    await expect(app.start()).rejects.toThrow('app#1')
    await line('before it was ready', 2)
    await expect(app.roll()).rejects.toThrow('app#3')
    await line('before it was ready', 4)
    expect(app.state()).toMatchObject({ status: 'down', starts: 4 })
  })

  test('unless it is closed meanwhile, which is no failure', async () => {
    const { app } = stage(node)
    await app.start()
    const rolled = app.roll()
    await app.close()
    await rolled
    expect(app.state()).toMatchObject({ status: 'closed', instances: [] })
  })

  test('not if it does not run', async () => {
    const { app } = stage(node)
    await app.roll()
    expect(app.state()).toMatchObject({ status: 'stopped', starts: 0 })
  })
})

describe('C5 a program is stopped', () => {
  test('and says so: nothing is chosen any more, those who wait are answered', async () => {
    const { app } = stage(script(forever))
    const asked = app.upstream(exchange().exchange)
    await expect.poll(() => app.state().instances).toHaveLength(1)
    const closed = app.close()
    await Promise.all([closed, expect(asked).rejects.toMatchObject(unavailable)])
    expect(app.close()).toBe(closed)
    expect(app.state()).toMatchObject({ status: 'closed', instances: [] })
    expect(() => app.upstream(exchange().exchange)).toThrow(expect.objectContaining(unavailable))
    await expect(app.start()).rejects.toThrow('closed')
  })

  test('by SIGKILL when it does not listen, and its children with it', async () => {
    const below = `const below = require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(`process.on('SIGTERM', () => {}); ${forever}; console.log('up')`)}])`
    const text = `process.on('SIGTERM', () => console.log('no')); ${below}; below.stdout.on('data', () => console.log('below', below.pid)); ${forever}`
    const { app, line } = stage({ ...script(text), ready: { line: 'below' }, stop: { grace: 100 } })
    await app.start()
    const pids = [Number((await line('below')).text.split(' ')[1]), app.state().instances[0]?.pid as number]
    expect(pids.map(lives)).toEqual([true, true])
    await app.close()
    expect((await line('it was ended by SIGKILL')).stream).toBe('events')
    expect((await line('no')).stream).toBe('stdout')
    await expect.poll(() => pids.map(lives)).toEqual([false, false])
  })

  test('and leaves nothing of those that it has left behind', async () => {
    const text = `const below = require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(forever)}], { stdio: 'ignore' }); console.log('below', below.pid); setTimeout(() => process.exit(0), 50)`
    const { app, line } = stage({ ...script(text), ready: { line: 'below' }, restart: false })
    await app.start()
    const pid = Number((await line('below')).text.split(' ')[1])
    await line('it ended with 0')
    await expect.poll(() => lives(pid)).toBe(false)
  })

  test('and its socket is gone', async () => {
    const { app } = stage({ ...node, socket: 'auto' })
    await app.start()
    const { socketPath } = (await app.upstream(exchange().exchange)) as UnixSocket
    expect(existsSync(socketPath)).toBe(true)
    await app.close()
    expect(existsSync(socketPath)).toBe(false)
  })
})

describe('C5 what a program prints', () => {
  test('is told line by line, with its name and instance', async () => {
    const text = `process.stdout.write('é'.repeat(3) + '\\r\\none\\n\\ntwo'); process.stderr.write('else\\n'); setTimeout(() => process.exit(0), 20)`
    const { app, line, lines } = stage({ ...script(text), ready: { line: 'one' }, restart: false })
    await app.start()
    await line('it ended with 0')
    const printed = (stream: string): string[] =>
      lines.filter((one) => one.stream === stream).map((one) => one.text)
    expect(printed('stdout')).toEqual(['ééé', 'one', '', 'two'])
    expect(printed('stderr')).toEqual(['else'])
    expect(new Set(lines.map((one) => `${one.program}#${one.instance}`))).toEqual(new Set(['app#1']))
  })

  test('is cut where a line has no end', async () => {
    const { app, line, lines } = stage({
      ...script(`process.stdout.write('x'.repeat(40000) + '\\nready\\n'); ${forever}`),
      ready: { line: 'ready' },
    })
    await app.start()
    await line('ready')
    const parts = lines.filter((one) => one.text.startsWith('x')).map((one) => one.text.length)
    expect([Math.max(...parts) <= 81_920, parts.reduce((sum, one) => sum + one)]).toEqual([true, 40_000])
  })
})

test.each<[string, object, string]>([
  ['no command', { command: '' }, 'command is missing'],
  ['an unknown option', { comand: 'a' }, 'Unknown option comand'],
  ['an unknown one in a group', { restart: { mni: 1 } }, 'Unknown option restart.mni'],
  ['an argument that is no text', { args: [5] }, '0 is 5'],
  ['a variable with NUL in it', { env: { A: 'a\0' } }, 'A is "a\\u0000"'],
  ['a path that cannot be asked for', { ready: { path: '/a b' } }, 'Option ready'],
  ['two addresses', { port: 1, socket: 'auto' }, 'exclude each other'],
  ['a port that is none', { port: 65_536 }, 'Option port'],
  ['one address for several', { port: 80, instances: 2 }, 'addresses of their own'],
  ['no instances', { instances: 0 }, 'instances'],
  ['a path that is too long', { socket: `/${'a'.repeat(104)}` }, 'too long'],
  ['a readiness that is none', { ready: 'tcp' }, 'Option ready'],
  ['a time that is none', { wait: -1 }, 'wait must be'],
  ['a time that is none in a group', { stop: { grace: Number.NaN } }, 'stop.grace must be'],
])('refuses %s', (_, options, why) => {
  expect(() => program({ command: 'a', ...options } as ProgramOptions)).toThrow(why)
})

/** How many timers of that many milliseconds are set from now on, and how many of them are never cleared. */
function timersOf(ms: number): () => { set: number; left: number } {
  const set = vi.spyOn(globalThis, 'setTimeout')
  const cleared = vi.spyOn(globalThis, 'clearTimeout')
  onTestFinished(() => void vi.restoreAllMocks())
  return () => {
    const timers = set.mock.calls.flatMap(([, after], i) =>
      after === ms ? [set.mock.results[i]?.value] : [],
    )
    const over = new Set(cleared.mock.calls.map(([timer]) => timer))
    return { set: timers.length, left: timers.filter((timer) => !over.has(timer)).length }
  }
}
