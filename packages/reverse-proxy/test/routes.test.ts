import { routesOf } from '../../gateway/test/routes.ts'
import { createReverseProxy } from '../src/index.ts'

routesOf(createReverseProxy)
