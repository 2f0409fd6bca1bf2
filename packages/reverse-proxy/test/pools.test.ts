import { totalsOf } from '@relayrace/promises/pools'
import { createReverseProxy } from '../src/index.ts'

totalsOf(createReverseProxy)
