/**
 * However and whenever a client leaves, its exchange ends, once, and nothing of it is left. Walks what was asked for × the
 * way of leaving × the moment × the protocol × what stands around the exchange.
 */

import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { createServer as createHttpServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { createServer as createTlsServer } from 'node:tls'
import { certificates } from '@relayrace/fixtures/certificates'
import {
  type Protocol,
  protocols,
  stays,
  type Visitor,
  visit,
  type Way,
  ways,
} from '@relayrace/fixtures/leaving'
import { parser, type Watch, watch } from '@relayrace/fixtures/wire'
import type {
  Exchange,
  ExchangeSummary,
  GatewayOptions,
  HttpGateway,
  SocketGateway,
  Strategy,
} from '@relayrace/gateway'
import { expect, onTestFinished, test } from 'vitest'

const requests = ['GET', 'HEAD', 'POST', 'POST with content', 'upgrade', 'upgrade with content'] as const
/** `refused`: the answer to an upgrade is out. `refusing`: it has begun. Both with bytes of the other protocol behind. */
const moments = [
  'before the gateway sees it',
  'in upstream',
  'in rewrite',
  'in transport',
  'in modifyResponse',
  'before the head',
  'in interim',
  'in request content',
  'in response content',
  'in content both ways',
  'refusing',
  'refused',
  'in the tunnel',
] as const
/** Which hooks the gateway has: none, all but a transport, all. */
const surroundings = ['bare', 'hooked', 'wrapped'] as const

type Moment = (typeof moments)[number]
type Surrounding = (typeof surroundings)[number]

interface Combination {
  readonly surrounding: Surrounding
  readonly protocol: Protocol
  readonly request: (typeof requests)[number]
  readonly way: Way
  readonly moment: Moment
}

const upgrades = ({ request }: Combination): boolean => request.startsWith('upgrade')
const hasContent = ({ request }: Combination): boolean => request.endsWith('content')

/** Why there is no such thing. */
const impossible: Readonly<Record<string, (combination: Combination) => boolean>> = {
  'HTTP/2 has no Upgrade': (one) => one.protocol === 'HTTP/2' && upgrades(one),
  'only HTTP/2 has RST_STREAM and GOAWAY': ({ protocol, way }) =>
    protocol !== 'HTTP/2' && (way === 'RST_STREAM' || way === 'GOAWAY'),
  'without TLS there is none to cut': ({ protocol, way }) => protocol === 'HTTP/1.1' && way === 'TLS cut',
  'HTTP/2 half-closes streams, which is how each request ends': ({ protocol, way }) =>
    protocol === 'HTTP/2' && way === 'half-close',
  'gateways are mounted in servers of HTTP/1.1': ({ protocol, moment }) =>
    protocol === 'HTTP/2' && moment === 'before the gateway sees it',
  'no content is sent': (one) =>
    (one.moment === 'in request content' || one.moment === 'in content both ways') && !hasContent(one),
  'no content comes back': (one) =>
    (one.moment === 'in response content' || one.moment === 'in content both ways') &&
    (one.request === 'HEAD' || upgrades(one)),
  'nothing was to be upgraded': (one) =>
    ['refusing', 'refused', 'in the tunnel'].includes(one.moment) && !upgrades(one),
  'no such hook': ({ surrounding, moment }) =>
    (['in upstream', 'in rewrite', 'in modifyResponse'].includes(moment) && surrounding === 'bare') ||
    (moment === 'in transport' && surrounding !== 'wrapped'),
}

export interface MatrixChoices {
  /** Default: it does. */
  readonly speaksHttp2?: boolean
}

const atOnce = 48
/** For anything that must happen. Nothing takes so long, even on a busy machine. */
const patience = 20_000
/** Of a gateway that has nothing under way. */
const promptly = 10_000
const content = 'hello world'
const part = 5

type AnyGateway = HttpGateway | SocketGateway

export function matrixOf(create: Strategy<AnyGateway>, { speaksHttp2 = true }: MatrixChoices = {}): void {
  const rules = speaksHttp2
    ? impossible
    : { 'it speaks no HTTP/2': ({ protocol }: Combination) => protocol === 'HTTP/2', ...impossible }
  const { possible, leftOut } = sorted(rules)

  test(`${possible.length} ways to leave: each ends its exchange once, and nothing is left`, {
    timeout: 120_000,
  }, async () => {
    const field = await Field.open(create)
    const failures: string[] = []
    const queue = possible.values()
    const worker = async (): Promise<void> => {
      for (const combination of queue) {
        const failure = await field.walk(combination)
        if (failure !== undefined) failures.push(`${nameOf(combination)}: ${failure}`)
      }
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
    failures.push(...(await field.leftovers()))
    let report = `${create.name}: ${possible.length} combinations walked, ${failures.length} failures\n`
    for (const [rule, count] of Object.entries(leftOut)) report += `  left out: ${count}, ${rule}\n`
    process.stdout.write(report)
    expect(failures).toEqual([])
  })
}

function sorted(rules: typeof impossible): { possible: Combination[]; leftOut: Record<string, number> } {
  const possible: Combination[] = []
  const leftOut: Record<string, number> = {}
  for (const surrounding of surroundings)
    for (const protocol of protocols)
      for (const request of requests)
        for (const way of ways)
          for (const moment of moments) {
            const one = { surrounding, protocol, request, way, moment }
            const rule = Object.keys(rules).find((name) => rules[name]?.(one))
            if (rule === undefined) possible.push(one)
            else leftOut[rule] = (leftOut[rule] ?? 0) + 1
          }
  return { possible, leftOut }
}

const nameOf = ({ surrounding, protocol, request, way, moment }: Combination): string =>
  `${surrounding}, ${protocol}, ${request}, ${way} ${moment}`

/** One combination under way, as hooks and origin meet it. */
interface Walk extends Combination {
  readonly watch: Watch
  /** A hook, or a middleware, stands here until it is let go. */
  readonly held: Promise<void>
  /** It is here. */
  reached: boolean
  readonly summaries: ExchangeSummary[]
  peer: Peer | undefined
  /** In front of a gateway that is mounted. */
  socket: Duplex | undefined
}

/** A request as the origin has it, and the connection to answer it on. */
interface Peer {
  readonly socket: Socket
  bodyLength: number
  done: boolean
  /** To the other protocol. */
  switched: boolean
  closed: boolean
}

/** Three gateways, listening and mounted, before one origin. */
class Field {
  readonly #walks = new Map<string, Walk>()
  readonly #gateways = new Map<Surrounding, AnyGateway>()
  /** By surrounding, whether it is mounted, and protocol. */
  readonly #ports = new Map<string, number>()
  /** Accepted by gateways, or by what they are mounted in. */
  readonly #accepted = new Set<Socket>()
  readonly #ofOrigin = new Set<Socket>()
  readonly #mounts: Server[] = []
  /** What was accepted for a gateway that is given sockets. */
  readonly #arrivals = new Map<number, PromiseWithResolvers<Socket>>()
  readonly #strays: string[] = []
  #count = 0

  static async open(create: Strategy<AnyGateway>): Promise<Field> {
    const field = new Field()
    const warned = ({ message }: Error): void => void field.#strays.push(`warning: ${message}`)
    process.on('warning', warned)
    onTestFinished(() => void process.off('warning', warned))
    const origin = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => field.#serve(socket))
    const upstream = `http://127.0.0.1:${await listening(origin)}`
    onTestFinished(() => {
      for (const socket of field.#ofOrigin) socket.destroy()
      origin.close()
    })
    const { server: tls } = await certificates()
    for (const surrounding of surroundings) {
      const gateway = create(field.#options(surrounding, upstream))
      onTestFinished(() => gateway.close(0))
      field.#gateways.set(surrounding, gateway)
      const plain = await gateway.listen()
      const secure = await gateway.listen({ tls })
      field.#ports.set(`${surrounding} HTTP/1.1`, Number(plain.url.port))
      for (const protocol of ['TLS', 'HTTP/2'])
        field.#ports.set(`${surrounding} ${protocol}`, Number(secure.url.port))
      for (const [protocol, server] of Object.entries(field.#mount(gateway, tls))) {
        field.#ports.set(`${surrounding} mounted ${protocol}`, await listening(server))
        field.#mounts.push(server)
        onTestFinished(() => void server.close())
      }
    }
    const ports = new Set(field.#ports.values())
    const accepted = (message: unknown): void => {
      const { socket } = message as { socket: Socket }
      if (!ports.has(socket.localPort as number)) return
      field.#accepted.add(socket)
      socket.once('close', () => field.#accepted.delete(socket))
    }
    subscribe('net.server.socket', accepted)
    onTestFinished(() => void unsubscribe('net.server.socket', accepted))
    return field
  }

  #options(surrounding: Surrounding, upstream: string): GatewayOptions {
    const at = async (moment: Moment, { request }: Exchange): Promise<void> => {
      const walk = this.#walks.get(request.target)
      if (walk?.moment === moment) await hold(walk)
    }
    const onEnd = (summary: ExchangeSummary): void => {
      const walk = this.#walks.get(summary.target)
      if (walk === undefined) this.#strays.push(`an exchange ended that nobody began: ${summary.target}`)
      walk?.summaries.push(summary)
      walk?.watch.changed()
    }
    if (surrounding === 'bare') return { upstream, onEnd }
    return {
      async upstream(exchange) {
        await at('in upstream', exchange)
        return upstream
      },
      rewrite: (_, exchange) => at('in rewrite', exchange),
      modifyResponse: (_, exchange) => at('in modifyResponse', exchange),
      ...(surrounding === 'wrapped' && {
        async transport(exchange, next) {
          await at('in transport', exchange)
          await next()
        },
      }),
      onEnd,
    }
  }

  /** Behind a middleware that takes its time. */
  #mount(gateway: AnyGateway, tls: { cert: string; key: string }): Record<'HTTP/1.1' | 'TLS', Server> {
    if ('accept' in gateway) {
      const accept = (socket: Socket): void => {
        socket.on('error', () => {})
        this.#arrival(socket.remotePort as number).resolve(socket)
      }
      const options = { allowHalfOpen: true, pauseOnConnect: true, noDelay: true }
      return {
        'HTTP/1.1': createServer(options, accept),
        TLS: createTlsServer({ ...options, ...tls, ALPNProtocols: ['http/1.1'] }, accept),
      }
    }
    const middleware = async (socket: Duplex, { url }: IncomingMessage): Promise<void> => {
      const walk = this.#walks.get(url as string) as Walk
      walk.socket = socket
      await hold(walk)
    }
    const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      await middleware(request.socket, request)
      await gateway.handle(request, response)
    }
    const upgrade = async (request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
      socket.on('error', () => {})
      await middleware(socket, request)
      await gateway.upgrade(request, socket, head)
    }
    return {
      'HTTP/1.1': createHttpServer(handle).on('upgrade', upgrade),
      TLS: createHttpsServer(tls, handle).on('upgrade', upgrade),
    }
  }

  #arrival(port: number): PromiseWithResolvers<Socket> {
    const arrival = this.#arrivals.get(port) ?? Promise.withResolvers<Socket>()
    this.#arrivals.set(port, arrival)
    return arrival
  }

  /** What the origin does with a connection: each request is that of a walk, which knows what it gets. */
  #serve(socket: Socket): void {
    this.#ofOrigin.add(socket)
    let reading = parser('request', { keep: 0 })
    let walk: Walk | undefined
    let peer: Peer | undefined
    socket.on('error', () => {})
    socket.on('data', (bytes: Buffer) => {
      if (peer?.switched) {
        socket.write(bytes)
        return
      }
      for (let rest = bytes; rest.length > 0; ) {
        rest = rest.subarray(reading.push(rest))
        const { headComplete, target, startLine, bodyLength, verdict } = reading.message
        if (!headComplete && verdict !== 'malformed') return
        if (peer === undefined || walk === undefined) {
          walk = this.#walks.get(target)
          if (walk === undefined) {
            this.#strays.push(`the origin was asked for ${JSON.stringify(startLine)}`)
            socket.destroy()
            return
          }
          peer = { socket, bodyLength: 0, done: false, switched: false, closed: false }
          walk.peer = peer
        }
        peer.bodyLength = bodyLength
        peer.done = reading.done
        answer(walk, peer)
        walk.watch.changed()
        if (!reading.done || peer.switched) return
        reading = parser('request', { keep: 0 })
        walk = peer = undefined
      }
    })
    socket.on('end', () => socket.end())
    socket.on('close', () => {
      this.#ofOrigin.delete(socket)
      for (const { peer, watch } of this.#walks.values()) {
        if (peer?.socket !== socket) continue
        peer.closed = true
        watch.changed()
      }
    })
  }

  /** @returns what was wrong with it. */
  async walk(combination: Combination): Promise<string | undefined> {
    const target = `/${++this.#count}`
    const watching = watch({ patience })
    const { promise: held, resolve: letGo } = Promise.withResolvers<void>()
    const walk: Walk = {
      ...combination,
      watch: watching,
      held,
      reached: false,
      summaries: [],
      peer: undefined,
      socket: undefined,
    }
    this.#walks.set(target, walk)
    let visitor: Visitor | undefined
    try {
      const { surrounding, protocol, moment } = walk
      const mounted = moment === 'before the gateway sees it'
      const port = this.#ports.get(`${surrounding}${mounted ? ' mounted' : ''} ${protocol}`) as number
      visitor = await visit(protocol, port, watching.changed)
      await this.#live(walk, visitor, target, letGo)
      return undefined
    } catch (error) {
      const { summaries, peer } = walk
      const ends = summaries.map(({ outcome, status, errorType }) => [outcome, status, errorType].join(' '))
      const upstream = peer && { ...peer, socket: undefined }
      return `${(error as Error).message} (ends: ${ends.join('; ') || 'none'}; upstream: ${JSON.stringify(upstream)}; client: ${JSON.stringify(visitor?.seen.slice(0, 60))})`
    } finally {
      letGo()
      visitor?.close()
      await visitor?.closed
    }
  }

  async #live(walk: Walk, visitor: Visitor, target: string, letGo: () => void): Promise<void> {
    const { moment, way, request } = walk
    const { until } = walk.watch
    const partly = moment === 'in request content' || moment === 'in content both ways'
    visitor.ask({
      method: request === 'HEAD' ? 'HEAD' : request === 'GET' || request === 'upgrade' ? 'GET' : 'POST',
      target,
      ...(upgrades(walk) && { fields: { Connection: 'Upgrade', Upgrade: 'echo' } }),
      ...(request === 'POST' && { content: '' }),
      ...(hasContent(walk) && { content, now: partly ? part : content.length }),
    })
    const accepted = await this.#arrivalOf(walk, visitor)
    if (accepted !== undefined) walk.reached = true

    // It comes as far as that.
    if (moment === 'refusing' || moment === 'refused') {
      await until(
        () => walk.peer?.done || undefined,
        () => 'the request did not reach the origin',
      )
      visitor.send('of the other protocol')
      walk.peer?.socket.write(refusal.slice(0, moment === 'refused' ? undefined : -5))
    }
    if (moment === 'in the tunnel') {
      await until(
        () => visitor.seen.includes('hi') || undefined,
        () => 'there was no tunnel',
      )
      visitor.send('ho')
    }
    await until(
      () => walk.reached || isThere(walk, visitor) || undefined,
      () => 'it did not come so far',
    )

    visitor.leave(way)
    const { peer } = walk
    const incomplete = partly && way === 'half-close'
    if (stays(way) && !incomplete) {
      letGo()
      if (accepted !== undefined) acceptOf(this.#gateways.get(walk.surrounding))(accepted)
      visitor.finish()
      if (partly)
        await until(
          () => peer?.done || undefined,
          () => 'the rest of the content did not come',
        )
      if (peer?.socket.writable) complete(walk, peer)
    } else if (moment === 'before the gateway sees it') {
      // On a connection that nobody reads nothing is heard of an end.
      if (accepted === undefined && !upgrades(walk)) {
        const { socket } = walk
        socket?.once('close', () => walk.watch.changed())
        await until(
          () => socket?.destroyed || undefined,
          () => 'the server did not see it leave',
        )
      }
      letGo()
      // Over TLS a reset may be heard before anybody reads: then there is nothing to begin.
      const gone = accepted?.destroyed === true
      if (accepted !== undefined) acceptOf(this.#gateways.get(walk.surrounding))(accepted)
      if (gone) return
    }
    const end = await until(
      () => walk.summaries[0],
      () => 'the exchange did not end',
    )
    letGo()
    if (way === 'GOAWAY') expect([end.outcome, end.status]).toEqual(['completed', 200])
    if (way === 'half-close' && moment === 'in the tunnel') {
      expect([end.outcome, end.status]).toEqual(['completed', 101])
    }
    const asked = ['in upstream', 'in rewrite', 'in transport'].includes(moment) || walk.socket !== undefined
    if (asked && !stays(way) && !upgrades(walk) && walk.peer !== undefined)
      throw new Error('the origin was asked for a client that had left')
    // What the origin has not finished is given up.
    if (!stays(way) && !['in modifyResponse', 'refused'].includes(moment))
      await until(
        () => walk.peer === undefined || walk.peer.closed || undefined,
        () => 'the upstream connection was not closed',
      )
  }

  async #arrivalOf({ moment, surrounding }: Walk, { port }: Visitor): Promise<Socket | undefined> {
    if (moment !== 'before the gateway sees it') return undefined
    const gateway = this.#gateways.get(surrounding) as AnyGateway
    if (!('accept' in gateway)) return undefined
    const accepted = await this.#arrival(port).promise
    // The port may be that of another client before long.
    this.#arrivals.delete(port)
    return accepted
  }

  /** What is wrong once all have gone. */
  async leftovers(): Promise<string[]> {
    const wrong: string[] = []
    const gateways = [...this.#gateways]
    const state = (): string =>
      JSON.stringify({
        gateways: gateways.map(([name, { inFlight, pool }]) => [name, inFlight, pool]),
        accepted: this.#accepted.size,
        ofOrigin: this.#ofOrigin.size,
      })
    const settled = (): boolean =>
      gateways.every(
        ([, { inFlight, pool }]) => inFlight === 0 && pool.waiting === 0 && pool.connections === pool.idle,
      ) &&
      this.#accepted.size === 0 &&
      this.#ofOrigin.size === gateways.reduce((sum, [, { pool }]) => sum + pool.idle, 0)
    if (!(await becomes(settled))) wrong.push(`not all is back: ${state()}`)
    for (const [name, gateway] of gateways) {
      const closing = gateway.close(10 * patience).then(() => true)
      if (!(await Promise.race([closing, after(promptly)]))) wrong.push(`${name}: close() does not return`)
    }
    if (!(await becomes(() => this.#ofOrigin.size === 0))) wrong.push(`upstream connections stay: ${state()}`)
    for (const server of this.#mounts) {
      const [connections] = await Promise.all([connectionsOf(server)])
      if (connections !== 0) wrong.push(`${connections} connections of a server that a gateway is mounted in`)
    }
    for (const [target, { summaries, ...walk }] of this.#walks)
      if (summaries.length > 1) wrong.push(`${nameOf(walk)}: ended ${summaries.length} times (${target})`)
    return [...wrong, ...this.#strays]
  }
}

async function hold(walk: Walk): Promise<void> {
  walk.reached = true
  walk.watch.changed()
  await walk.held
}

function acceptOf(gateway: AnyGateway | undefined): SocketGateway['accept'] {
  if (gateway === undefined || !('accept' in gateway)) throw new TypeError('It takes no sockets')
  return gateway.accept
}

const half = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nbegun'
const refusal = 'HTTP/1.1 404 Not Found\r\nContent-Length: 10\r\n\r\nbegunended'
const switching = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n'

/** What the origin does as soon as it is asked, and again with every byte of the content. */
function answer(walk: Walk, peer: Peer): void {
  const { moment, way } = walk
  const { socket } = peer
  const partly = peer.bodyLength === part
  if (moment === 'in interim' && peer.done) socket.write('HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n')
  else if (moment === 'in content both ways' && partly) socket.write(half)
  else if (moment === 'in response content' && peer.done) socket.write(half)
  else if (moment === 'in the tunnel' && peer.done) {
    peer.switched = true
    socket.write(`${switching}hi`)
  } else if (moment === 'in modifyResponse' && peer.done) complete(walk, peer)
  else if (peer.done && stays(way) && isBeforeAsking(moment)) complete(walk, peer)
}

const isBeforeAsking = (moment: Moment): boolean =>
  ['before the gateway sees it', 'in upstream', 'in rewrite', 'in transport'].includes(moment)

/** All that the origin has not said so far. */
function complete(walk: Walk, { socket }: Peer): void {
  const { moment, request } = walk
  if (moment === 'in the tunnel' || moment === 'refused') return
  if (moment === 'in modifyResponse' && walk.reached) return
  if (moment === 'in response content' || moment === 'in content both ways' || moment === 'refusing')
    socket.write('ended')
  else if (upgrades(walk) && moment === 'in modifyResponse') socket.write(refusal)
  else if (upgrades(walk)) socket.end(switching)
  else {
    const head = 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n'
    socket.write(request === 'HEAD' ? head : `${head}begunended`)
  }
}

/** Whether the moment has come, seen from both ends. */
function isThere({ moment, peer }: Walk, { seen }: Visitor): boolean {
  if (peer === undefined) return false
  if (moment === 'before the head') return peer.done
  if (moment === 'in interim') return seen.includes(' 103')
  if (moment === 'in request content') return peer.bodyLength === part
  if (moment === 'in the tunnel') return seen.includes('ho')
  if (moment === 'refused') return seen.includes('ended')
  return seen.includes('begun')
}

async function listening(server: Server): Promise<number> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

const connectionsOf = (server: Server): Promise<number> =>
  new Promise((resolve) => server.getConnections((_, count) => resolve(count)))

async function becomes(isSo: () => boolean): Promise<boolean> {
  try {
    await expect.poll(isSo, { timeout: patience }).toBe(true)
    return true
  } catch {
    return false
  }
}

const after = (delay: number): Promise<false> =>
  new Promise((resolve) => setTimeout(() => resolve(false), delay).unref())
