/** Completes upstream the upload of a client that has died. */
import type { ClientRequest } from 'node:http'
import { serve, sound } from './sound.ts'

const whole = new WeakSet<ClientRequest>()

serve({
  ...sound,
  upload(request, asking) {
    request.pipe(asking, { end: false })
    request.once('end', () => whole.add(asking))
    request.once('close', () => asking.end())
  },
  clientLeft(asking) {
    if (whole.has(asking)) asking.destroy()
  },
})
