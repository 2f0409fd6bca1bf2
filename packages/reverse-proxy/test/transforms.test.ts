import { transformsOf } from '../../gateway/test/transforms.ts'
import { createReverseProxy } from '../src/index.ts'

transformsOf(createReverseProxy)
