import { routesOf } from '@relayrace/promises/routes'
import { createReverseProxy } from '../src/index.ts'

routesOf(createReverseProxy)
