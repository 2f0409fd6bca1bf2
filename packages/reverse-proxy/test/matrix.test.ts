import { matrixOf } from '../../gateway/test/matrix.ts'
import { createReverseProxy } from '../src/index.ts'

matrixOf(createReverseProxy)
