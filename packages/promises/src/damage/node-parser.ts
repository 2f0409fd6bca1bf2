/** Node's own parser, reached as anybody reaches it: a server and a client of `node:http`, over streams in memory. */

import { createServer, type IncomingMessage, request, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { Duplex } from 'node:stream'

/** A message as far as it came. */
export interface NodeMessage {
  readonly line: readonly (string | number)[]
  readonly raw: readonly string[]
  content: string
  complete: boolean
  trailers: readonly string[]
}

export interface NodeReading {
  readonly messages: NodeMessage[]
  /** The code of the error that ended it, if one did. */
  refused: string | undefined
}

/** All that the readers have in common. */
export const headLimit = 16_384

/** A stream that says what it was given, and forgets what it is told. */
class Memory extends Duplex {
  override _read(): void {}
  override _write(_bytes: unknown, _encoding: unknown, done: () => void): void {
    done()
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** What is known of a message once everything has been parsed. Nothing reads it while it arrives: an error would end that. */
function settle(message: NodeMessage, incoming: IncomingMessage): void {
  message.complete = incoming.complete
  message.trailers = incoming.rawTrailers
  for (let bytes = incoming.read(); bytes !== null; bytes = incoming.read())
    message.content += bytes.toString('latin1')
}

interface Collected extends NodeReading {
  readonly incoming: [NodeMessage, IncomingMessage][]
}

function collect(reading: Collected, line: readonly (string | number)[], incoming: IncomingMessage): void {
  const message: NodeMessage = { line, raw: incoming.rawHeaders, content: '', complete: false, trailers: [] }
  reading.messages.push(message)
  reading.incoming.push([message, incoming])
  // How far it came says enough.
  incoming.on('error', () => {})
}

async function settled(readings: readonly Collected[]): Promise<void> {
  // No input and output, no timer: after this nothing is left to do.
  for (let turns = 0; turns < 3; turns++) await turn()
  for (const { incoming } of readings) for (const [message, one] of incoming) settle(message, one)
}

let server: Server | undefined
const readings = new WeakMap<object, Collected>()

function parsingServer(): Server {
  if (server !== undefined) return server
  server = createServer({
    maxHeaderSize: headLimit,
    requireHostHeader: false,
    requestTimeout: 0,
    headersTimeout: 0,
  })
  server.maxHeadersCount = 0
  server.timeout = 0
  server.keepAliveTimeout = 0
  const received = (incoming: IncomingMessage): void => {
    const { method = '', url = '', httpVersion } = incoming
    const reading = readings.get(incoming.socket)
    if (reading !== undefined) collect(reading, [method, url, httpVersion], incoming)
  }
  for (const event of ['request', 'checkContinue', 'checkExpectation', 'connect']) server.on(event, received)
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    const reading = readings.get(socket)
    if (reading !== undefined) reading.refused ??= error.code ?? error.message
  })
  return server
}

/** Reads each of the inputs as what a client says. */
export async function readRequests(inputs: readonly string[]): Promise<NodeReading[]> {
  const server = parsingServer()
  const streams: Memory[] = []
  const results = inputs.map((input) => {
    const stream = new Memory()
    stream.on('error', () => {})
    const reading: Collected = { messages: [], incoming: [], refused: undefined }
    readings.set(stream, reading)
    server.emit('connection', stream)
    stream.push(Buffer.from(input, 'latin1'))
    streams.push(stream)
    return reading
  })
  await settled(results)
  for (const stream of streams) stream.destroy()
  await turn()
  return results
}

/** Reads each of the inputs as what a server says to a request with that method, after which it ends the connection. */
export async function readResponses(
  inputs: readonly { text: string; to: string }[],
  limit: number = headLimit,
): Promise<NodeReading[]> {
  const streams: Memory[] = []
  const results = inputs.map(({ text, to }) => {
    const stream = new Memory()
    const reading: Collected = { messages: [], incoming: [], refused: undefined }
    const received = (incoming: IncomingMessage): void => {
      const { httpVersion, statusCode = 0, statusMessage = '' } = incoming
      collect(reading, [httpVersion, statusCode, statusMessage], incoming)
    }
    const outgoing = request({
      method: to,
      maxHeaderSize: limit,
      createConnection: () => stream as unknown as Socket,
    })
    outgoing.maxHeadersCount = 0
    outgoing.on('information', ({ httpVersion, statusCode, statusMessage, rawHeaders }) => {
      reading.messages.push({
        line: [httpVersion, statusCode, statusMessage],
        raw: rawHeaders,
        content: '',
        complete: true,
        trailers: [],
      })
    })
    outgoing.on('response', received)
    outgoing.on('upgrade', received)
    outgoing.on('error', (error: NodeJS.ErrnoException) => {
      reading.refused ??= error.code ?? error.message
    })
    outgoing.end()
    stream.push(Buffer.from(text, 'latin1'))
    stream.push(null)
    streams.push(stream)
    return reading
  })
  await settled(results)
  for (const stream of streams) stream.destroy()
  await turn()
  return results
}
