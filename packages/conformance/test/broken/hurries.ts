/** Gives every exchange half a second, whatever it was told and whatever happens in it. */
import { serve, sound } from './sound.ts'

serve({
  ...sound,
  upload(request, asking) {
    sound.upload(request, asking)
    setTimeout(() => asking.destroy(), 700)
  },
})
