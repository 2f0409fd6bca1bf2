/** Takes nothing more of a request while its response comes. */
import type { ClientRequest, IncomingMessage } from 'node:http'
import { serve, sound } from './sound.ts'

const askings = new WeakMap<IncomingMessage, ClientRequest>()

serve({
  ...sound,
  upload(request, asking) {
    askings.set(request, asking)
    request.pipe(asking)
  },
  relay(upstream, response) {
    const { req: request } = response
    const asking = askings.get(request)
    request.unpipe().pause()
    upstream.once('end', () => asking && request.pipe(asking))
    sound.relay(upstream, response)
  },
})
