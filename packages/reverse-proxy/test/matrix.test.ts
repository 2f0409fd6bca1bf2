import { matrixOf } from '@relayrace/promises/matrix'
import { createReverseProxy } from '../src/index.ts'

matrixOf(createReverseProxy)
