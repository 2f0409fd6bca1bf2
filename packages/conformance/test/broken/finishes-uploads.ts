/** Completes upstream the upload of a client that has died. */
import { serve, sound } from './sound.ts'

serve({
  ...sound,
  upload(request, asking) {
    request.pipe(asking, { end: false })
    request.once('close', () => asking.end())
  },
  clientLeft() {},
})
