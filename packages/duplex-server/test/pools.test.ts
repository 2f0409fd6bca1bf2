import { totalsOf } from '../../gateway/test/pools.ts'
import { createDuplexGateway } from '../src/index.ts'

totalsOf(createDuplexGateway)
