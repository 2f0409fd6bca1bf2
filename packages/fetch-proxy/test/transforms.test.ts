import { transformsOf } from '../../gateway/test/transforms.ts'
import { createFetchProxy } from '../src/index.ts'

transformsOf(createFetchProxy)
