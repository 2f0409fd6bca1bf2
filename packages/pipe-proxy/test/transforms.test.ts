import { transformsOf } from '@relayrace/promises/transforms'
import { createPipeProxy } from '../src/index.ts'

transformsOf(createPipeProxy)
