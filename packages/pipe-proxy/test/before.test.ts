import { middlewareOf } from '../../router/test/before.ts'
import { ratesOf } from '../../router/test/counted.ts'
import { jwtOf } from '../../router/test/signed.ts'
import { createPipeProxy } from '../src/index.ts'

middlewareOf(createPipeProxy)
ratesOf(createPipeProxy)
jwtOf(createPipeProxy)
