import { middlewareOf } from '../../router/test/before.ts'
import { createReverseProxy } from '../src/index.ts'

middlewareOf(createReverseProxy)
