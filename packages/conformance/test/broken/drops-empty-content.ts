/** Waits for content before it says that there is none, and mixes trailer fields into the content. */
import { serve, sound } from './sound.ts'

serve({
  ...sound,
  relay(upstream, response) {
    upstream.once('data', (first) => {
      response.write(first)
      upstream.pipe(response, { end: false })
      upstream.once('end', () => response.end(upstream.rawTrailers.join(': ')))
    })
  },
})
