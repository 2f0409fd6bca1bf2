import { totalsOf } from '@relayrace/promises/pools'
import { createPipeProxy } from '../src/index.ts'

totalsOf(createPipeProxy)
