import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { inLines } from '../src/lines.ts'

test('C5 lines are whole, and so are their characters, wherever reads cut them', async () => {
  const bytes = Buffer.from('grüß\r\n日本\n\n🙂 last')
  for (let at = 1; at < bytes.length; at++) {
    const stream = new PassThrough()
    const lines: string[] = []
    inLines(stream, (line) => lines.push(line))
    stream.write(bytes.subarray(0, at))
    stream.end(bytes.subarray(at))
    await new Promise((resolve) => stream.once('close', resolve))
    expect(lines, `cut at ${at}`).toEqual(['grüß', '日本', '', '🙂 last'])
  }
})
