/** Writes as fast as it reads. */
import { serve, sound } from './sound.ts'

serve({
  ...sound,
  relay(upstream, response) {
    upstream.on('data', (part) => response.write(part))
    upstream.once('end', () => response.end())
  },
})
