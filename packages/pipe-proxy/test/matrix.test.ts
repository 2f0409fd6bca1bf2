import { matrixOf } from '@relayrace/promises/matrix'
import { createPipeProxy } from '../src/index.ts'

matrixOf(createPipeProxy)
