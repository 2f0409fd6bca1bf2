/** One remote file: few of its fields, a deadline, progress in the log, and errors in words of our own. */

import { createPipeProxy, GatewayError } from '@relayrace/pipe-proxy'

const file = new URL(process.argv[2] ?? 'https://www.rfc-editor.org/rfc/rfc9110.txt')
const passed = ['content-type', 'content-length', 'content-disposition', 'last-modified', 'etag']

const gateway = createPipeProxy({
  upstream: { to: file.origin, path: file.pathname + file.search },
  timeouts: { total: Number(process.env.DEADLINE ?? 30_000) },
  modifyResponse({ status, fields }) {
    if (status !== 200) throw new GatewayError('http_protocol_error', { phase: 'responseHead' })
    for (const [name] of [...fields]) if (!passed.includes(name.toLowerCase())) fields.delete(name)
  },
  async transport(exchange, next) {
    const every = Number(process.env.INTERVAL ?? 1_000)
    const timer = setInterval(() => console.log(`${exchange.responseBytes} bytes so far`), every)
    await next().finally(() => clearInterval(timer))
  },
  onError: ({ status }) => ({
    status,
    body: status === 504 ? 'It takes too long.\n' : 'It is not to be had.\n',
  }),
  onEnd({ outcome, responseBytes, duration, errorType }) {
    const what = { completed: 'copied', aborted: 'the client left', failed: errorType, refused: errorType }
    console.log(`${what[outcome]}: ${responseBytes} bytes in ${Math.round(duration)} ms`)
  },
})
const { url } = await gateway.listen({ port: Number(process.env.PORT ?? 8080) })
console.log(`download at ${url}`)
