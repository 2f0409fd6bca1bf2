/** What there is in damaged bytes, by the word of a parser: a gateway may pass on that much and no more. */

import { responseFraming } from '@relayrace/gateway/strategy'
import { type NodeReading, readRequests, readResponses } from './node-parser.ts'

/** A message as far as it came. */
export interface Said {
  /** The request line, or the status line, in parts. */
  readonly line: readonly (string | number)[]
  readonly content: Buffer
  readonly complete: boolean
  /** It ends with its connection. Responses only. */
  readonly untilClose: boolean
}

export interface Answering {
  /** One character per byte. */
  readonly text: string
  /** The method of the request. */
  readonly to: string
}

/** The messages in each of the texts, in their order. */
export interface Reader {
  requests(texts: readonly string[]): Promise<Said[][]>
  /** The connection ends after each. */
  responses(inputs: readonly Answering[]): Promise<Said[][]>
}

/** How much is read at once: each text is a stream in memory. */
const batch = 250
/** Of a head, in bytes. Gateways have one, and count different things for it. */
const noLimit = 1024 * 1024

/** Node's own parser, for the gateways that have it in front and behind. */
export const nodeReader: Reader = {
  async requests(texts) {
    const read: Said[][] = []
    for (let at = 0; at < texts.length; at += batch) {
      const readings = await readRequests(texts.slice(at, at + batch).map(withoutUpgrade))
      read.push(...readings.map(({ messages }) => messages.map((message) => said(message, false))))
    }
    return read
  },
  async responses(inputs) {
    const read: Said[][] = []
    for (let at = 0; at < inputs.length; at += batch) {
      const some = inputs
        .slice(at, at + batch)
        .map(({ text, to }) => ({ text: withoutEmptyCoding(text), to }))
      const readings = await readResponses(some, noLimit)
      read.push(
        ...readings.map(({ messages }, i) =>
          messages.map((message) => said(message, endsWithConnection(message, some[i] as Answering))),
        ),
      )
    }
    return read
  },
}

/** Node's server forgets the rest of a read that has an Upgrade in it. */
function withoutUpgrade(text: string): string {
  return text.replace(/^Upgrade:/gim, 'Xpgrade:')
}

/**
 * Nothing frames an interim response (RFC 9112 §6.3). Where its Transfer-Encoding is empty Node refuses all that follows,
 * and undici reads on, as it may.
 */
function withoutEmptyCoding(text: string): string {
  return text.replace(interimHeads, (heads) => heads.replace(/^transfer-encoding:[ \t]*\r\n/gim, ''))
}

const interimHeads = /^(?:HTTP\/1\.1 1\d\d.*?\r\n\r\n)+/s

type NodeMessage = NodeReading['messages'][number]

function said({ line, content, complete }: NodeMessage, untilClose: boolean): Said {
  return { line, content: Buffer.from(content, 'latin1'), complete, untilClose }
}

function endsWithConnection({ line: [, status], raw }: NodeMessage, { to }: Answering): boolean {
  try {
    return responseFraming(to, Number(status), raw).kind === 'close'
  } catch {
    return false
  }
}
