/** Compares what two readers made of the same bytes, and says what speaks for ours where they disagree. */

import { connectionOptions, readTarget } from '@relayrace/gateway/strategy'
import { headLimit, type NodeReading } from '@relayrace/promises/damage/node-parser'
import { cut, type Read, type Reading, read } from '../reading.ts'

export interface Input {
  readonly kind: 'request' | 'response'
  /** One character per byte. */
  readonly text: string
  /** The method that a response answers. */
  readonly to: string
  /** Where our reader gets it cut. */
  readonly cuts: readonly number[]
}

/**
 * - stricter: we refuse what Node reads.
 * - laxer: we read what Node refuses.
 * - different: both read, and not the same.
 */
export type Sort = 'stricter' | 'laxer' | 'different'

export interface Disagreement {
  readonly sort: Sort
  /** What our reader says is wrong, or what Node's does. */
  readonly reason: string
  /** The bytes from the start of the message it is about. */
  readonly rest: string
  readonly ours: Read | undefined
  readonly nodes: NodeReading['messages'][number] | undefined
}

export function readOurs({ kind, text, to, cuts }: Input): Reading {
  const bytes = Buffer.from(text, 'latin1')
  return read(kind, cut(bytes, cuts), {
    to,
    limit: headLimit,
    fin: kind === 'response',
    check: kind === 'request' ? notServed : () => undefined,
    more: kind === 'request' ? keepsConnection : staysResponses,
  })
}

export const token: RegExp = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** What our gateway looks at before anything else, and Node leaves to the application. */
function notServed({ line: [method, target] }: Read): string | undefined {
  if (method === 'CONNECT') return 'CONNECT'
  return readTarget(String(method), String(target)) === undefined ? 'request target' : undefined
}

/** After a request that ends the connection nothing is a request. */
function keepsConnection({ line: [, , version], raw }: Read): boolean {
  return version === '1.1' && !connectionOptions(raw).includes('close')
}

/** After an offer to upgrade it depends on the answer what follows. */
const staysRequests = (one: Read): boolean =>
  keepsConnection(one) && !connectionOptions(one.raw).includes('upgrade')

/** After a final response nothing is looked at. */
const staysResponses = ({ line: [, status] }: Read): boolean => Number(status) < 200 && status !== 101

const mostMessages = 64

export function compare(input: Input, node: NodeReading): Disagreement | undefined {
  const ours = readOurs(input)
  const refused = node.refused === 'ECONNRESET' ? undefined : node.refused
  for (let i = 0; i < mostMessages; i++) {
    const mine = ours.messages[i]
    const theirs = node.messages[i]
    const rest = input.text.slice(ours.ends[i - 1] ?? 0)
    const disagreement = (sort: Sort, reason: string): Disagreement => ({
      sort,
      reason,
      rest,
      ours: mine,
      nodes: theirs,
    })

    if (mine === undefined || theirs === undefined || !mine.complete || !theirs.complete) {
      const read = (message: { complete: boolean } | undefined): number =>
        message === undefined ? 0 : message.complete ? 2 : 1
      if (mine !== undefined && theirs !== undefined && !sameHead(mine, theirs))
        return disagreement('different', 'heads')
      // Node leaves what follows to the protocol that was asked for.
      if (mine !== undefined && theirs !== undefined && connectionOptions(mine.raw).includes('upgrade'))
        return undefined
      if (ours.refused !== undefined && !mine?.complete) {
        // Node may have found the same fault, or another one, or none so far.
        if (refused !== undefined && read(theirs) <= read(mine)) return undefined
        return refused !== undefined && read(theirs) < 2 ? undefined : disagreement('stricter', ours.refused)
      }
      if (refused !== undefined && read(theirs) < 2) {
        if (read(mine) === 2) return disagreement('laxer', refused)
        // We have not refused it so far: a line is looked at when it is whole.
        return canStillBeRead(input, i) ? disagreement('laxer', refused) : undefined
      }
      if (read(mine) !== read(theirs)) return disagreement('different', `${read(mine)} and ${read(theirs)}`)
      return undefined
    }
    if (!sameHead(mine, theirs)) return disagreement('different', 'heads')
    if (mine.content.toString('latin1') !== theirs.content) return disagreement('different', 'content')
    if (!same(mine.trailers, theirs.trailers)) return disagreement('different', 'trailers')
    if (!(input.kind === 'request' ? staysRequests(mine) : staysResponses(mine))) return undefined
  }
  return undefined
}

/** Whether our reader completes the message with that number if more comes. Node has refused it, whatever comes. */
function canStillBeRead(input: Input, index: number): boolean {
  return endings.some((ending) => {
    const { messages } = readOurs({ ...input, text: input.text + ending, cuts: [] })
    return messages[index]?.complete === true
  })
}

const endings = [
  '\n',
  '\r\n',
  '\r\n\r\n',
  '\n\r\n',
  '\n\n',
  ' HTTP/1.1\r\n\r\n',
  '1\r\n\r\n',
  '"\r\n\r\n',
  ': x\r\n\r\n',
  '\r\n0\r\n\r\n',
  '\n0\r\n\r\n',
  '0\r\n\r\n',
  `${'x'.repeat(2_000)}\r\n0\r\n\r\n`,
  ...['x\r\n', 'x', '\r\nx\r\n'].map((text) => `${text}\r\n\r\n`),
]

function sameHead(mine: Read, theirs: NodeReading['messages'][number]): boolean {
  return same(mine.line, theirs.line) && same(mine.raw, theirs.raw)
}

function same(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((member, i) => member === b[i])
}
