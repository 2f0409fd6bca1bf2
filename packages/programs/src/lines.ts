/** Text in lines as it comes. */

import type { Readable } from 'node:stream'
import { StringDecoder } from 'node:string_decoder'

/** Characters of a line. What is longer comes in pieces of that length. */
const longest = 16_384

/** Calls back for each line, and for what is left at the end without one. */
export function inLines(stream: Readable, tell: (line: string) => void): void {
  const decoder = new StringDecoder('utf8')
  let rest = ''
  const take = (text: string): void => {
    const lines = (rest + text).split('\n')
    rest = lines.pop() as string
    for (const line of lines) tell(line.endsWith('\r') ? line.slice(0, -1) : line)
    for (; rest.length >= longest; rest = rest.slice(longest)) tell(rest.slice(0, longest))
  }
  stream.on('data', (bytes: Buffer) => take(decoder.write(bytes)))
  stream.once('close', () => {
    take(decoder.end())
    if (rest !== '') tell(rest)
    rest = ''
  })
  // The child has gone, and its exit says so.
  stream.on('error', () => {})
}
