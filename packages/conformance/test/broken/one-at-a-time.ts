/** Lets nobody read while somebody does not. */
import { serve, sound } from './sound.ts'

let turn: Promise<unknown> = Promise.resolve()

serve({
  ...sound,
  relay(upstream, response) {
    turn = turn.then(() => {
      sound.relay(upstream, response)
      return new Promise((resolve) => response.once('close', resolve))
    })
  },
})
