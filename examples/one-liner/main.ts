/** The shortest proxy: a URL and a port. Go's `NewSingleHostReverseProxy`. */

import { createPipeProxy } from '@relayrace/pipe-proxy'

const gateway = createPipeProxy({ upstream: process.argv[2] ?? 'http://example.com' })
const { url } = await gateway.listen({ port: Number(process.env.PORT ?? 8080) })
console.log(`one-liner at ${url}`)
