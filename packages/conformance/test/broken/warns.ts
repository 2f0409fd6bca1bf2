/** Warns on standard error at every response. */

import { serve, sound } from './sound.ts'

serve({
  ...sound,
  relay(upstream, response) {
    process.stderr.write(
      '(node:1) MaxListenersExceededWarning: Possible EventEmitter memory leak detected.\n',
    )
    sound.relay(upstream, response)
  },
})
