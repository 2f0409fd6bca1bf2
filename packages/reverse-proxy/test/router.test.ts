import { routingOf } from '../../router/test/routing.ts'
import { createReverseProxy } from '../src/index.ts'

routingOf(createReverseProxy)
