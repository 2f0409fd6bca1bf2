/** Lists of endpoints that come from elsewhere, and change. */

import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { strategies } from '@relayrace/strategies'
import { type Answer, decode, encode, type Packet, type RecordType } from 'dns-packet'
import { describe, expect, onTestFinished, test, vi } from 'vitest'
import {
  type AddressOptions,
  createUpstreams,
  type Discovery,
  type DiscoveryMessage,
  discovered,
  fromDns,
  fromFile,
  fromSrv,
  type ServiceOptions,
  type Upstreams,
} from '../src/index.ts'
import { answering, get, type ManualClock, manualClock, stage } from './stage.ts'

/** What is known of names, by their type; or what goes wrong. */
type Zone = Partial<Record<RecordType, Answer[] | 'SERVFAIL' | 'NXDOMAIN'>>

interface NameServer {
  zone: Zone
  readonly server: string
  /** Questions that came. */
  readonly asked: string[]
}

async function nameServer(zone: Zone): Promise<NameServer> {
  const socket = createSocket('udp4')
  const asked: string[] = []
  socket.on('message', (message, from) => {
    const { id, questions = [] } = decode(message) as Packet
    const [question] = questions
    if (question === undefined) return
    asked.push(`${question.type} ${question.name}`)
    const found = it.zone[question.type] ?? []
    const flags = found === 'SERVFAIL' ? 2 : found === 'NXDOMAIN' ? 3 : 0
    const answers = typeof found === 'string' ? [] : found
    socket.send(
      encode({ type: 'response', id: id as number, flags, questions, answers }),
      from.port,
      from.address,
    )
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  onTestFinished(() => void socket.close())
  const it = { zone, asked, server: `127.0.0.1:${(socket.address() as AddressInfo).port}` }
  return it
}

const name = 'app.example'
const a = (data: string, ttl = 30): Answer => ({ type: 'A', name, data, ttl })
const aaaa = (data: string, ttl = 30): Answer => ({ type: 'AAAA', name, data, ttl })
const srv = (target: string, priority: number, weight: number): Answer => ({
  type: 'SRV',
  name: `_http._tcp.${name}`,
  data: { target, port: 8080, priority, weight },
})

const dns = (server: string, options: Partial<AddressOptions> = {}): Discovery =>
  fromDns({ name, family: 4, servers: [server], ...options })
const service = (server: string, options: Partial<ServiceOptions> = {}): Discovery =>
  fromSrv({ name: `_http._tcp.${name}`, servers: [server], ...options })

interface Found {
  readonly upstreams: Upstreams
  readonly clock: ManualClock
  readonly told: DiscoveryMessage[]
  readonly ids: () => string[]
}

function find(discovery: Discovery, clock = manualClock()): Found {
  const told: DiscoveryMessage[] = []
  const own = `set-${Math.random()}`
  const listen = (message: unknown): void => {
    if ((message as DiscoveryMessage).upstreams === own) told.push(message as DiscoveryMessage)
  }
  discovered.subscribe(listen)
  const upstreams = createUpstreams(discovery, { clock, name: own })
  onTestFinished(async () => {
    discovered.unsubscribe(listen)
    await upstreams.close()
  })
  return { upstreams, clock, told, ids: () => upstreams.state().endpoints.map(({ id }) => id) }
}

/** Warnings of this process, from now on. */
function warnings(): string[] {
  const said: string[] = []
  const spy = vi
    .spyOn(process, 'emitWarning')
    .mockImplementation((warning) => void said.push(String(warning)))
  onTestFinished(() => spy.mockRestore())
  return said
}

describe('C4 from DNS', () => {
  test('the addresses of a name are endpoints, of both kinds', async () => {
    const { server } = await nameServer({ A: [a('10.0.0.1'), a('10.0.0.2')], AAAA: [aaaa('fd00::1')] })
    const { upstreams, ids } = find(fromDns({ name, port: 8080, servers: [server] }))
    expect(ids()).toEqual([])
    await upstreams.ready
    expect(ids().toSorted()).toEqual([
      'http://10.0.0.1:8080',
      'http://10.0.0.2:8080',
      'http://[fd00::1]:8080',
    ])
  })

  test('a name is asked for again when its records have lived as long as they say', async () => {
    const dns = await nameServer({ A: [a('10.0.0.1', 20), a('10.0.0.2', 7)] })
    const { upstreams, ids, clock, told } = find(fromDns({ name, family: 4, servers: [dns.server] }))
    await upstreams.ready
    dns.zone = { A: [a('10.0.0.2', 0), a('10.0.0.3', 0)] }
    clock.advance(6_999)
    expect(dns.asked).toEqual([`A ${name}`])
    clock.advance(1)
    await expect.poll(() => told.length).toBe(2)
    expect(ids().toSorted()).toEqual(['http://10.0.0.2', 'http://10.0.0.3'])
    clock.advance(1_000)
    await expect.poll(() => told.length).toBe(3)
  })

  test.each<[string, Zone, (server: string) => Discovery, number]>([
    ['as long as the shortest lives', { A: [a('10.0.0.1', 20), a('10.0.0.2', 7)] }, (s) => dns(s), 7_000],
    ['not too soon', { A: [a('10.0.0.1', 0)] }, (s) => dns(s), 1_000],
    ['or as soon as was said', { A: [a('10.0.0.1', 0)] }, (s) => dns(s, { soonest: 50 }), 50],
    ['not too late', { A: [a('10.0.0.1', 86_400)] }, (s) => dns(s), 60_000],
    ['or as late as was said', { A: [a('10.0.0.1', 900)] }, (s) => dns(s, { latest: 300_000 }), 300_000],
    ['after a failure', { A: 'SERVFAIL' }, (s) => dns(s), 5_000],
    ['or as was said of that', { A: 'SERVFAIL' }, (s) => dns(s, { retry: 70 }), 70],
    ['of a service', { SRV: [srv('one.example', 1, 3)] }, (s) => service(s), 30_000],
    ['or as was said of it', { SRV: [srv('one.example', 1, 3)] }, (s) => service(s, { interval: 90 }), 90],
  ])('it is asked for again %s', async (_, zone, discovery, ms) => {
    const { server } = await nameServer(zone)
    const { promise: wait, resolve } = Promise.withResolvers<number>()
    const after = (ms: number): (() => void) => {
      resolve(ms)
      return () => {}
    }
    onTestFinished(discovery(server)({ found() {}, failed() {}, clock: { now: () => 0, after } }))
    expect(await wait).toBe(ms)
  })

  test.each<[string, Zone]>([
    ['the name server fails', { A: 'SERVFAIL' }],
    ['there is no such name', { A: 'NXDOMAIN' }],
    ['there is no address', {}],
    ['only half of it can be had', { A: 'SERVFAIL', AAAA: [aaaa('fd00::1')] }],
  ])('what there was stays when %s, and that is said once', async (_, broken) => {
    const said = warnings()
    const dns = await nameServer({ A: [a('10.0.0.1')] })
    const { upstreams, ids, clock, told } = find(fromDns({ name, servers: [dns.server] }))
    await upstreams.ready
    dns.zone = broken
    for (const wait of [30_000, 5_000, 5_000]) {
      const before = told.length
      clock.advance(wait)
      await expect.poll(() => told.length, { timeout: 20_000 }).toBe(before + 1)
      expect(told.at(-1)?.error).toBeInstanceOf(Error)
    }
    expect(ids()).toEqual(['http://10.0.0.1'])
    expect(said).toEqual([expect.stringMatching(/could not find their endpoints/)])
    dns.zone = { A: [a('10.0.0.9')] }
    clock.advance(5_000)
    await expect.poll(ids).toEqual(['http://10.0.0.9'])
  })

  test('the targets of a service are endpoints, with their weights and priorities', async () => {
    const records = [srv('one.example', 1, 3), srv('two.example', 1, 0), srv('three.example', 2, 5)]
    const dns = await nameServer({ SRV: records })
    const { upstreams, clock, told } = find(fromSrv({ name: `_http._tcp.${name}`, servers: [dns.server] }))
    await upstreams.ready
    const found = upstreams.state().endpoints.map(({ id, weight, priority }) => [id, weight, priority])
    expect(found.toSorted()).toEqual([
      ['http://one.example:8080', 3, 1],
      ['http://three.example:8080', 5, 2],
      ['http://two.example:8080', 0.1, 1],
    ])
    clock.advance(30_000)
    await expect.poll(() => told.length).toBe(2)
  })

  test('nothing is asked any more once the set is closed', async () => {
    const dns = await nameServer({ A: [a('10.0.0.1')] })
    const { upstreams, clock } = find(fromDns({ name, family: 4, servers: [dns.server] }))
    await upstreams.ready
    await upstreams.close()
    clock.advance(600_000)
    expect(dns.asked).toHaveLength(1)
  })
})

describe('C4 from a file', () => {
  const one = 'http://10.0.0.1'
  const two = 'http://10.0.0.2'

  async function folder(): Promise<string> {
    const made = await mkdtemp(path.join(tmpdir(), 'endpoints-'))
    onTestFinished(() => rm(made, { recursive: true, force: true }))
    return made
  }
  async function fileWith(list: unknown): Promise<string> {
    const file = path.join(await folder(), 'list.json')
    await writeFile(file, JSON.stringify(list))
    return file
  }

  test('its list is that of the endpoints', async () => {
    const { upstreams } = find(
      fromFile(await fileWith([one, { to: two, weight: 2 }, { to: { socketPath: '/a' } }])),
    )
    await upstreams.ready
    const found = upstreams.state().endpoints.map(({ id, weight }) => [id, weight])
    expect(found).toEqual([
      [one, 1],
      [two, 2],
      ['unix:/a', 1],
    ])
  })

  test.each<[string, (file: string) => Promise<void>]>([
    ['is written anew', (file) => writeFile(file, JSON.stringify([two]))],
    [
      'is replaced',
      async (file) => {
        await writeFile(`${file}.new`, JSON.stringify([two]))
        await rename(`${file}.new`, file)
      },
    ],
  ])('it is read again when it %s', async (_, change) => {
    const file = await fileWith([one])
    const { upstreams, ids } = find(fromFile(file))
    await upstreams.ready
    await change(file)
    await expect.poll(ids).toEqual([two])
  })

  test('it is read again when a link on the way to it leads elsewhere', async () => {
    const home = await folder()
    for (const [n, url] of [one, two].entries()) {
      await mkdir(path.join(home, `v${n}`))
      await writeFile(path.join(home, `v${n}`, 'list.json'), JSON.stringify([url]))
    }
    await symlink('v0', path.join(home, 'now'))
    await symlink(path.join('now', 'list.json'), path.join(home, 'list.json'))
    const { upstreams, ids } = find(fromFile(path.join(home, 'list.json')))
    await upstreams.ready
    await symlink('v1', path.join(home, 'next'))
    await rename(path.join(home, 'next'), path.join(home, 'now'))
    await expect.poll(ids).toEqual([two])
  })

  test('it is read again after a while, where nobody tells that it has changed', async () => {
    const home = await folder()
    const real = path.join(home, 'real.json')
    await writeFile(real, JSON.stringify([one]))
    const elsewhere = await folder()
    await symlink(real, path.join(elsewhere, 'list.json'))
    const { upstreams, ids, clock } = find(fromFile(path.join(elsewhere, 'list.json')))
    await upstreams.ready
    await writeFile(real, JSON.stringify([two]))
    clock.advance(30_000)
    await expect.poll(ids).toEqual([two])
  })

  test.each<[string, string, RegExp]>([
    ['is no JSON', '[', /JSON/],
    ['is no list', '{}', /no list/],
    ['has an endpoint that is none', '["nowhere"]', /not a URL/],
    ['has an endpoint with what is unknown', '[{"to":"http://a","wieght":2}]', /has no wieght/],
  ])('what there was stays when it %s, and that is said', async (_, text, why) => {
    const said = warnings()
    const file = await fileWith([one])
    const { upstreams, ids } = find(fromFile(file))
    await upstreams.ready
    await writeFile(`${file}.new`, text)
    await rename(`${file}.new`, file)
    await expect.poll(() => said).toEqual([expect.stringMatching(why)])
    expect(ids()).toEqual([one])
    await writeFile(file, JSON.stringify([two]))
    await expect.poll(ids).toEqual([two])
  })
})

describe.each(strategies)('C4 on %s', (_, create) => {
  test('endpoints that are found are asked, by the name that they are known by', async () => {
    const there = await answering('there')
    const dns = await nameServer({ A: [a('127.0.0.1')] })
    const discovery = fromDns({ name, family: 4, port: there.port, servers: [dns.server] })
    const staged = await stage(create, discovery)
    expect((await staged.ask()).status).toBe(503)
    await staged.upstreams.ready
    expect((await staged.ask(get('/'))).text).toBe('there')
    expect(there.requests[0]?.get('host')).toBe(`${name}:${there.port}`)
  })

  test('who stays in the set may be given another name', async () => {
    const there = await answering('there')
    const staged = await stage(create, [{ to: there.url, host: 'one.example' }])
    await staged.ask()
    staged.upstreams.replace([{ to: there.url, host: 'two.example' }])
    await staged.ask()
    staged.upstreams.replace([there.url])
    await staged.ask()
    const hosts = ['one.example', 'two.example', there.url.host]
    expect(there.requests.map((request) => request.get('host'))).toEqual(hosts)
  })

  test('an endpoint of a higher number is asked only if no other may be', async () => {
    const [first, second] = [await answering('first'), await answering('second')]
    const staged = await stage(create, [{ to: second.url, priority: 1 }, first.url])
    const texts: string[] = []
    for (let i = 0; i < 3; i++) texts.push((await staged.ask()).text)
    await staged.upstreams.drain(first.url)
    texts.push((await staged.ask()).text)
    expect(texts).toEqual(['first', 'first', 'first', 'second'])
  })
})
