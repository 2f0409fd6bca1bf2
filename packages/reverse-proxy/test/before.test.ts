import { middlewareOf } from '../../router/test/before.ts'
import { ratesOf } from '../../router/test/counted.ts'
import { jwtOf } from '../../router/test/signed.ts'
import { createReverseProxy } from '../src/index.ts'

middlewareOf(createReverseProxy)
ratesOf(createReverseProxy)
jwtOf(createReverseProxy)
