/** Takes an upload as fast as it comes, however slowly the origin reads. */
import { serve, sound } from './sound.ts'

serve({
  ...sound,
  upload(request, asking) {
    request.on('data', (part) => asking.write(part)).once('end', () => asking.end())
  },
})
