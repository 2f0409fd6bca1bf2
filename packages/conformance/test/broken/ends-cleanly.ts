/** Ends a response that was cut off as if it were whole. */
import { serve, sound } from './sound.ts'

serve({
  ...sound,
  relay(upstream, response) {
    upstream.pipe(response, { end: false })
    upstream.once('close', () => response.end())
  },
  originLeft: (response) => response.end(),
})
