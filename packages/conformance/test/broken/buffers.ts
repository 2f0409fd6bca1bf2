/** Sends content on only when all of it has come. */
import { serve, sound } from './sound.ts'

serve({
  ...sound,
  relay(upstream, response) {
    const parts: Buffer[] = []
    upstream.on('data', (part) => parts.push(part))
    upstream.once('end', () => response.end(Buffer.concat(parts)))
  },
})
