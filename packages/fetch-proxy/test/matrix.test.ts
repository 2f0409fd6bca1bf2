import { matrixOf } from '../../gateway/test/matrix.ts'
import { createFetchProxy } from '../src/index.ts'

matrixOf(createFetchProxy)
