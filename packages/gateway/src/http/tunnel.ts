/** Another protocol over the same connection (RFC 9110 §7.8): asks for it, and then moves bytes both ways. */

import type { ClientRequest, IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { GatewayError, timedOut, upstreamFailure } from '../contract/errors.ts'
import { endToEnd, Fields } from '../contract/fields.ts'
import { BodyClock } from '../exchange/clock.ts'
import type { Settings } from '../exchange/settings.ts'
import { breakOff } from '../node/close-notify.ts'
import { forgetProgress } from '../node/progress.ts'
import { detectResets } from '../node/resets.ts'
import { agreesWith } from '../rules/request.ts'
import { type Dialling, noteResponse, onceBy, probeAfter } from './agents.ts'
import { endBy, openRequest, passInterim, watchConnecting } from './ask.ts'
import { relay } from './download.ts'
import type { HttpExchange, Upgrade } from './exchange.ts'
import type { Places } from './places.ts'
import { pump } from './upload.ts'

type Answer =
  | { readonly upgraded: false; readonly response: IncomingMessage }
  | {
      readonly upgraded: true
      readonly response: IncomingMessage
      readonly socket: Socket
      readonly head: Buffer
    }

/** Told of a tunnel as soon as both ends are joined. What the upstream has sent behind its head is on its way. */
export type Joined = (
  exchange: HttpExchange,
  response: IncomingMessage,
  upstream: Socket,
  head: Buffer,
) => void

/** Makes the `tunnel` of a transport. Each tunnel has an upstream connection of its own. */
export function createTunnel(
  settings: Settings,
  places: Places,
  dialling: Dialling = {},
  joined?: Joined,
): (exchange: HttpExchange) => Promise<void> {
  const { lookup } = settings
  // `allowHalfOpen`, so that an end from one side is passed on as an end and the other side can finish.
  const options = {
    keepAlive: false,
    allowHalfOpen: true,
    noDelay: true,
    ...dialling,
    ...(lookup !== undefined && { lookup }),
  }
  const { plain, secure } = onceBy(options, settings, places)

  return async (exchange) => {
    const agent = exchange.endpoint.secure ? secure : plain
    const ask = openRequest(exchange, exchange.out.fields.raw, agent)
    exchange.asked = ask
    ask.maxHeadersCount = 0
    exchange.onCancel(() => ask.destroy())
    pump(exchange, ask)
    const answer = await answerTo(ask, exchange)
    if (!answer.upgraded) {
      const { statusCode, statusMessage, rawHeaders } = answer.response
      await exchange.respond(statusCode as number, statusMessage as string, rawHeaders)
      await relay(exchange, answer.response)
      return
    }
    const { protocols, take } = exchange.upgrade as Upgrade
    const early = mayBegin(exchange) && agreesWith(protocols, answer.response.rawHeaders) ? take() : undefined
    if (early === undefined) {
      answer.socket.destroy()
      throw new GatewayError('http_upgrade_failed', { phase: 'responseHead' })
    }
    switchProtocols(exchange, answer.response)
    const ended = join(exchange, early, answer.socket, answer.head)
    joined?.(exchange, answer.response, answer.socket, answer.head)
    await ended
  }
}

function answerTo(ask: ClientRequest, exchange: HttpExchange): Promise<Answer> {
  return new Promise((resolve, reject) => {
    watchConnecting(ask, exchange)
    ask.once('response', (response) => {
      noteResponse(response)
      ask.once('error', (cause) => endBy(cause, response))
      resolve({ upgraded: false, response })
    })
    ask.once('upgrade', (response, socket, head) => {
      forgetProgress(socket as Socket)
      resolve({ upgraded: true, response, socket: socket as Socket, head })
    })
    passInterim(ask, exchange)
    ask.on('error', (cause) => reject(upstreamFailure(cause, exchange.phase)))
    ask.once('close', () => reject(upstreamFailure(undefined, exchange.phase)))
  })
}

/** The other protocol begins when all of the request has been sent, and not before (RFC 9110 §7.8). */
function mayBegin({ framing, incoming }: HttpExchange): boolean {
  return framing.kind === 'none' || incoming.readableEnded
}

function switchProtocols({ upgrade, response }: HttpExchange, { rawHeaders }: IncomingMessage): void {
  const { socket } = upgrade as Upgrade
  const { raw } = endToEnd(rawHeaders)
  let head = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n'
  head += `Upgrade: ${new Fields(rawHeaders).all('upgrade').join(', ')}\r\n`
  for (let i = 0; i < raw.length; i += 2) head += `${raw[i]}: ${raw[i + 1]}\r\n`
  if (response.socket !== null) response.detachSocket(response.socket)
  socket.write(`${head}\r\n`, 'latin1')
}

/** Resolves when both directions have ended. */
async function join(exchange: HttpExchange, early: Buffer, upstream: Socket, head: Buffer): Promise<void> {
  const { socket: client } = exchange.upgrade as Upgrade
  exchange.becomeTunnel()
  exchange.onCancel((reason) => cut(reason))
  let error: GatewayError | undefined
  // What a tunnel carries may have no end of its own: one that was cut must not look like one that was closed.
  const cut = (reason?: GatewayError): void => {
    error ??= reason
    breakOff(client)
    breakOff(upstream)
  }
  detectResets(client)
  // TLS would close altogether when the client has ended its side.
  client.allowHalfOpen = true
  upstream.setKeepAlive(true, probeAfter)
  upstream.setTimeout(0)
  const { tunnel: silence, drain } = exchange.settings.timeouts
  const clock = new BodyClock(
    { silence, drain },
    () => client.writableNeedDrain || upstream.writableNeedDrain,
    (held) => cut(timedOut(held ? 'drain' : 'tunnel')),
  )
  // Before anybody listens: a stream that flows would hand it to the listeners of that moment, and not to the pipe.
  if (head.length > 0) upstream.unshift(head)
  if (early.length > 0) client.unshift(early)
  client.on('data', (chunk: Buffer) => {
    exchange.requestBytes += chunk.length
    clock.moved()
  })
  upstream.on('data', (chunk: Buffer) => {
    exchange.responseBytes += chunk.length
    clock.moved()
  })
  client.on('error', () => cut())
  upstream.on('error', (cause) => cut(upstreamFailure(cause, 'tunnel')))
  client.pipe(upstream)
  upstream.pipe(client)
  // A side that is gone, in order or not, leaves the other nobody to talk to once it has written all.
  client.once('close', () => upstream.destroySoon())
  upstream.once('close', () => client.destroySoon())
  if (client.destroyed) cut()
  await Promise.all([closed(client), closed(upstream)])
  clock.stop()
  exchange.tunnelClosed(error)
}

function closed(socket: Socket): Promise<void> {
  if (socket.closed) return Promise.resolve()
  return new Promise((resolve) => socket.once('close', () => resolve()))
}
