import { middlewareOf } from '../../router/test/before.ts'
import { createPipeProxy } from '../src/index.ts'

middlewareOf(createPipeProxy)
