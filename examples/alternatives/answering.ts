/** The separate program behind messages. With UPSTREAM it asks there, so that suite and bench can look through it. */

import { request } from 'node:http'

export interface Question {
  readonly id: number
  readonly method: string
  readonly url: string
  /** As `rawHeaders`. */
  readonly fields: string[]
  readonly body: Uint8Array
}

export interface Answer {
  readonly id: number
  readonly status: number
  readonly fields: string[]
  readonly body: Uint8Array
}

const { UPSTREAM } = process.env
const most = 16 * 1024 ** 2
const hopByHop =
  /^(?:connection|keep-alive|proxy-.*|te|trailer|transfer-encoding|upgrade|content-length|host)$/i

process.on('message', async (question: Question) => {
  const { id } = question
  try {
    const answer = UPSTREAM === undefined ? hello(question) : await ask(UPSTREAM, question)
    if (answer.status < 200 || answer.status > 999) throw new RangeError(`no final status: ${answer.status}`)
    process.send?.({ id, ...answer })
  } catch {
    process.send?.({ id, status: 502, fields: [], body: Buffer.alloc(0) })
  }
})

function hello({ url }: Question): Omit<Answer, 'id'> {
  return { status: 200, fields: [], body: Buffer.from(`${url} in process ${process.pid}\n`) }
}

async function ask(
  upstream: string,
  { method, url: path, fields, body }: Question,
): Promise<Omit<Answer, 'id'>> {
  const { promise, resolve, reject } = Promise.withResolvers<Omit<Answer, 'id'>>()
  const headers = [...endToEnd(fields), 'Host', new URL(upstream).host]
  if (body.length > 0) headers.push('Content-Length', `${body.length}`)
  const asked = request(upstream, { method, path, headers }, async (response) => {
    const pieces: Buffer[] = []
    let size = 0
    try {
      for await (const piece of response) {
        size += piece.length
        if (size > most) throw new RangeError('too much to be held')
        pieces.push(piece)
      }
      resolve({
        status: response.statusCode ?? 502,
        fields: endToEnd(response.rawHeaders),
        body: Buffer.concat(pieces),
      })
    } catch (error) {
      reject(error)
    }
  })
  asked.on('error', reject).end(body)
  return promise
}

const endToEnd = (raw: readonly string[]): string[] =>
  raw.flatMap((name, i) => (i % 2 === 0 && !hopByHop.test(name) ? [name, raw[i + 1] ?? ''] : []))
