import { totalsOf } from '../../gateway/test/pools.ts'
import { createReverseProxy } from '../src/index.ts'

totalsOf(createReverseProxy)
