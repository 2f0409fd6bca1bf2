/** Drops the trailer section and announces it all the same. */
import { pairs, serve, sound } from './sound.ts'

serve({
  ...sound,
  fields(rawHeaders) {
    const announced = pairs(rawHeaders).filter(([name]) => name === 'Trailer')
    const possible = rawHeaders.includes('Transfer-Encoding')
    return [...sound.fields(rawHeaders), ...(possible ? announced.flat() : [])]
  },
})
