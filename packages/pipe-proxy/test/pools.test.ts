import { totalsOf } from '../../gateway/test/pools.ts'
import { createPipeProxy } from '../src/index.ts'

totalsOf(createPipeProxy)
