/** Removes the hop-by-hop fields it knows, and none that Connection nominates. */
import { pairs, serve, sound } from './sound.ts'

const known =
  /^(?:connection|keep-alive|proxy-connection|proxy-authorization|te|trailer|transfer-encoding|upgrade)$/i

serve({
  ...sound,
  fields: (rawHeaders) =>
    pairs(rawHeaders)
      .filter(([name]) => !known.test(name))
      .flat(),
})
