/** Sends the head of a request and none of its content. */
import { serve, sound } from './sound.ts'

serve({
  ...sound,
  upload(request, asking) {
    request.resume()
    if (!request.headers['content-length'] && !request.headers['transfer-encoding']) asking.end()
  },
})
