import { middlewareOf } from '../../router/test/before.ts'
import { ratesOf } from '../../router/test/counted.ts'
import { jwtOf } from '../../router/test/signed.ts'
import { createFetchProxy } from '../src/index.ts'

middlewareOf(createFetchProxy)
ratesOf(createFetchProxy)
jwtOf(createFetchProxy)
