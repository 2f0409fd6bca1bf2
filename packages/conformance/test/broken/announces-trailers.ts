/** Drops the trailer section and announces it all the same. */
import { pairs, serve, sound } from './sound.ts'

serve({
  ...sound,
  fields: (rawHeaders) => [
    ...sound.fields(rawHeaders),
    ...pairs(rawHeaders)
      .filter(([name]) => name.toLowerCase() === 'trailer' && !rawHeaders.includes('Content-Length'))
      .flat(),
  ],
})
