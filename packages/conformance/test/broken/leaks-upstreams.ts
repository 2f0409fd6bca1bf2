/** Lets the origin go on when the client has left. */
import { serve, sound } from './sound.ts'

serve({
  ...sound,
  relay: (upstream, response) => void upstream.pipe(response),
  clientLeft() {},
})
