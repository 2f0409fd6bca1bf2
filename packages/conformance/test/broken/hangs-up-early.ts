/** Resets a client that has its answer and is still sending, before it can read it. */
import { serve, sound } from './sound.ts'

serve({
  ...sound,
  relay(upstream, response) {
    sound.relay(upstream, response)
    response.once('finish', () => {
      if (!response.req.complete) response.req.socket.resetAndDestroy()
    })
  },
})
