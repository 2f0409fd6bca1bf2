import { matrixOf } from '@relayrace/promises/matrix'
import { createDispatchProxy } from '../src/index.ts'

matrixOf(createDispatchProxy)
