import { matrixOf } from '@relayrace/promises/matrix'
import { createFetchProxy } from '../src/index.ts'

matrixOf(createFetchProxy)
