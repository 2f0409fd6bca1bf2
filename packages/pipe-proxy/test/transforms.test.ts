import { transformsOf } from '../../gateway/test/transforms.ts'
import { createPipeProxy } from '../src/index.ts'

transformsOf(createPipeProxy)
