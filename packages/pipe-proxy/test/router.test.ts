import { mountingOf } from '../../router/test/mounting.ts'
import { routingOf } from '../../router/test/routing.ts'
import { createPipeProxy } from '../src/index.ts'

routingOf(createPipeProxy)
mountingOf(createPipeProxy)
