import { middlewareOf } from '../../router/test/before.ts'
import { createFetchProxy } from '../src/index.ts'

middlewareOf(createFetchProxy)
