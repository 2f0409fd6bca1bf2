/** What is changed on the way: Go's Rewrite, ModifyResponse and ErrorHandler. */

import { createPipeProxy, setForwarded } from '@relayrace/pipe-proxy'

const credentials = Buffer.from(process.env.CREDENTIALS ?? 'gateway:secret').toString('base64')

const gateway = createPipeProxy({
  upstream: process.argv[2] ?? 'http://example.com',
  rewrite(out, exchange) {
    setForwarded(out, exchange) // A hook replaces the default, so it says so if it wants both.
    out.fields.set('Authorization', `Basic ${credentials}`)
  },
  modifyResponse({ fields }) {
    fields.delete('Server')
    fields.set('Access-Control-Allow-Origin', '*')
    fields.set('X-Proxied-By', 'relayrace')
  },
  onError({ status, type }) {
    const fields = { 'Content-Type': 'application/json', 'X-Proxied-By': 'relayrace' }
    return { status, fields, body: `${JSON.stringify({ error: type })}\n` }
  },
})
const { url } = await gateway.listen({ port: Number(process.env.PORT ?? 8080) })
console.log(`hooks at ${url}`)
