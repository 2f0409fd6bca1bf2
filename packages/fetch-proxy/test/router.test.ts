import { routingOf } from '../../router/test/routing.ts'
import { createFetchProxy } from '../src/index.ts'

routingOf(createFetchProxy)
