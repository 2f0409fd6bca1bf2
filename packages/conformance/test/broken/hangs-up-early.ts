/** Resets a client that is still sending when its answer comes, before it can read it. */
import { serve, sound } from './sound.ts'

serve({
  ...sound,
  relay(upstream, response) {
    if (response.req.complete) sound.relay(upstream, response)
    else response.req.socket.resetAndDestroy()
  },
})
