import { totalsOf } from '@relayrace/promises/pools'
import { createDispatchProxy } from '../src/index.ts'

totalsOf(createDispatchProxy)
