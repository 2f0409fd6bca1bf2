import { transformsOf } from '@relayrace/promises/transforms'
import { createDuplexGateway } from '../src/index.ts'

transformsOf(createDuplexGateway)
