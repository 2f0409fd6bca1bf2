/** A small gateway with HTTP/2 for its clients, and one fault in that, if FAULT names one. */

import { readFileSync } from 'node:fs'
import { Agent, request as ask, type IncomingMessage } from 'node:http'
import {
  constants,
  createSecureServer,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'

const fault = process.env.FAULT
const upstream = new URL(process.env.UPSTREAM ?? '')
const { values } = parseArgs({
  // It takes the time it takes.
  options: { 'tls.cert': { type: 'string' }, 'tls.key': { type: 'string' }, grace: { type: 'string' } },
})
const agent = new Agent({ keepAlive: true })
const ofConnections =
  /^(?:connection|keep-alive|proxy-connection|transfer-encoding|upgrade|http2-settings|trailer)$/

const server = createSecureServer({
  cert: readFileSync(values['tls.cert'] ?? ''),
  key: readFileSync(values['tls.key'] ?? ''),
  allowHTTP1: true,
})
server.on('stream', serve)
server.on('request', (request, response) => {
  if (request.httpVersionMajor > 1) return
  const asking = ask(at(request.method ?? '', request.url ?? ''))
  asking.on('response', (answer) => answer.pipe(response.writeHead(answer.statusCode ?? 502))).end()
})
// Without these the server would say 100, and 417, by itself.
server.on('checkContinue', () => {}).on('checkExpectation', () => {})
// Without this the server would answer every CONNECT itself, as fast as its stream is served.
server.on('connect', ({ httpVersionMajor, socket }) => {
  if (httpVersionMajor === 1) socket.destroy()
})
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  process.stdout.write(`https://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
})
const sessions = new Set<ServerHttp2Session>()
server.on('session', (session) => {
  sessions.add(session)
  session.once('close', () => sessions.delete(session))
})
process.once('SIGTERM', () => {
  if (sessions.size === 0 || fault === 'leaves without a word') process.exit()
  for (const session of sessions) {
    session.once('close', () => sessions.size === 0 && process.exit())
    if (fault !== 'refuses with its first word') session.goaway(constants.NGHTTP2_NO_ERROR, 2 ** 31 - 1)
    session.close()
  }
})

/** Of who logs in with the connection. */
const agents = new WeakMap<object, Agent>()

function agentOf(session: ServerHttp2Stream['session'], credentials: string | undefined): Agent {
  if (!session || fault === 'lends logins') return agent
  const known = agents.get(session)
  if (known || !/^(?:ntlm|negotiate) /i.test(credentials ?? '')) return known ?? agent
  const own = new Agent({ keepAlive: true })
  agents.set(session, own)
  session.once('close', () => own.destroy())
  return own
}

const at = (method: string, path: string) => ({
  host: upstream.hostname,
  port: upstream.port,
  agent,
  maxHeaderSize: 100_000,
  method,
  path,
})

/** Streams that nobody reads. */
const stalled = new Set<ServerHttp2Stream>()

function serve(stream: ServerHttp2Stream, all: IncomingHttpHeaders, flags: number): void {
  stream.on('error', () => {})
  if (fault === 'serves nothing while a stream stalls') {
    if (stalled.size > 0) return
    stream.once('close', () => stalled.delete(stream))
  }
  const { ':method': method = '', ':path': path = '', ':authority': authority, ...fields } = all
  if (method === 'CONNECT' && fault !== 'serves CONNECT')
    return void stream.respond({ ':status': 501 }, { endStream: true })
  delete fields[':scheme']
  const asking = ask({
    ...at(method === 'CONNECT' ? 'GET' : method, path || '/'),
    agent: agentOf(stream.session, fields.authorization),
    headers: {
      host: authority,
      ...fields,
      via: `${fault === 'says HTTP/1.1' ? '1.1' : '2'} broken`,
    },
  })
  if (fault === 'says 100 by itself' && fields.expect === '100-continue')
    stream.additionalHeaders({ ':status': 100 })
  if (fault === 'ends with what it does not expect' && fields.expect === 'x-magic')
    return void stream.session?.destroy()
  const ended = (flags & constants.NGHTTP2_FLAG_END_STREAM) !== 0
  asking.flushHeaders()
  if (fault === 'relays trailers as they are')
    stream.once('trailers', (trailers) => asking.addTrailers(trailers as OutgoingHttpHeaders))
  let interim = 0
  asking.on('information', ({ statusCode, headers }) => {
    // More than anybody needs, and more than is held back.
    if (++interim > 100 && fault !== 'keeps every interim response') return void asking.destroy()
    if (fault !== 'has only final responses')
      stream.additionalHeaders({ ...plainly(headers as IncomingHttpHeaders), ':status': statusCode })
  })
  asking.on('response', (answer) => relay(answer, stream, method))
  asking.on('error', () => {
    if (fault === 'ends the connection') return void stream.session?.destroy()
    if (!stream.headersSent && !stream.destroyed) stream.respond({ ':status': 502 }, { endStream: true })
  })
  stream.once('close', () => {
    if (fault !== 'leaves the origin alone') asking.destroy()
  })
  if (ended) asking.end()
  else if (fault === 'forgets uploads') stream.resume().once('end', () => asking.end())
  else {
    if (fault === 'keeps what the origin does not read') stream.on('data', (bytes) => asking.write(bytes))
    else stream.pipe(asking, { end: false })
    stream.once('end', () => (stream.aborted ? asking.destroy() : asking.end()))
  }
}

/** Without what HTTP/2 forbids. */
function plainly(fields: NodeJS.Dict<string | string[]>): OutgoingHttpHeaders {
  return Object.fromEntries(Object.entries(fields).filter(([name]) => !ofConnections.test(name)))
}

function relay(answer: IncomingMessage, stream: ServerHttp2Stream, method: string): void {
  const nominated = (answer.headers.connection ?? '').toLowerCase().split(/, */)
  const kept = ([name]: readonly [string, unknown]): boolean =>
    !ofConnections.test(name) && (fault === 'relays what is nominated' || !nominated.includes(name))
  const fields: OutgoingHttpHeaders = Object.fromEntries(Object.entries(answer.headers).filter(kept))
  if (fault === 'resets what HTTP/2 forbids' && 'http2-settings' in answer.headers)
    return void stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  if (fault === 'ends with large heads' && answer.rawHeaders.length > 500)
    return void stream.session?.destroy()
  const status = fault === 'knows one status' ? 200 : answer.statusCode
  const none = method === 'HEAD' || status === 204 || status === 304
  stream.respond({ ...fields, ':status': status }, none ? { endStream: true } : { waitForTrailers: true })
  if (none) return void answer.resume()
  // The server has put its own there, for the sake of `request`.
  stream.removeAllListeners('wantTrailers')
  stream.on('wantTrailers', () =>
    stream.sendTrailers(fault === 'has only final responses' ? {} : plainly(answer.trailers)),
  )
  if (fault === 'keeps what a client does not read') answer.on('data', (bytes) => stream.write(bytes))
  else answer.pipe(stream, { end: false })
  answer.on('pause', () => stalled.add(stream)).on('resume', () => stalled.delete(stream))
  answer.once('end', () => stream.end())
  answer.once('error', () => {
    if (fault === 'ends what was cut off') stream.end()
    else stream.close(constants.NGHTTP2_INTERNAL_ERROR)
  })
}
