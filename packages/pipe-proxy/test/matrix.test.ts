import { matrixOf } from '../../gateway/test/matrix.ts'
import { createPipeProxy } from '../src/index.ts'

matrixOf(createPipeProxy)
