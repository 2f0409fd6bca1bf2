/** Where everything random here begins, for fast-check as well. */

import fc from 'fast-check'
import { random, seed } from '../../gateway/test/damage/seed.ts'

// fast-check prints its seed with every counterexample.
fc.configureGlobal({ seed })

export { fc, random, seed }
