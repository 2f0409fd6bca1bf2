import { totalsOf } from '@relayrace/promises/pools'
import { createDuplexGateway } from '../src/index.ts'

totalsOf(createDuplexGateway)
