import { middlewareOf } from '../../router/test/before.ts'
import { createDuplexGateway } from '../src/index.ts'

middlewareOf(createDuplexGateway)
