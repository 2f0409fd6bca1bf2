/** Where everything random here begins, for fast-check as well. */

import { random, seed } from '@relayrace/fixtures/seed'
import fc from 'fast-check'

// fast-check prints its seed with every counterexample.
fc.configureGlobal({ seed })

export { fc, random, seed }
