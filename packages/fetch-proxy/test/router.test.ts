import { mountingOf } from '../../router/test/mounting.ts'
import { routingOf } from '../../router/test/routing.ts'
import { createFetchProxy } from '../src/index.ts'

routingOf(createFetchProxy)
mountingOf(createFetchProxy)
