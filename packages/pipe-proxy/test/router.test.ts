import { routingOf } from '../../router/test/routing.ts'
import { createPipeProxy } from '../src/index.ts'

routingOf(createPipeProxy)
