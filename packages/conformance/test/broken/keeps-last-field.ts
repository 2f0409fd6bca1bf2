/** Keeps the fields in an object, so that of repeated ones only the last is left. */
import { pairs, serve, sound } from './sound.ts'

serve({
  ...sound,
  fields: (rawHeaders) => Object.entries(Object.fromEntries(pairs(sound.fields(rawHeaders)))).flat(),
})
