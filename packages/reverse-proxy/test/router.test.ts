import { mountingOf } from '../../router/test/mounting.ts'
import { routingOf } from '../../router/test/routing.ts'
import { createReverseProxy } from '../src/index.ts'

routingOf(createReverseProxy)
mountingOf(createReverseProxy)
