/** Dies of a response field. */
import { serve, sound } from './sound.ts'

serve({
  ...sound,
  fields(rawHeaders) {
    if (rawHeaders.includes('Trailer')) throw new Error('as it was told to')
    return sound.fields(rawHeaders)
  },
})
