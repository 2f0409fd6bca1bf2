import { middlewareOf } from '../../router/test/before.ts'
import { ratesOf } from '../../router/test/counted.ts'
import { jwtOf } from '../../router/test/signed.ts'
import { createDuplexGateway } from '../src/index.ts'

middlewareOf(createDuplexGateway)
ratesOf(createDuplexGateway)
jwtOf(createDuplexGateway)
