import { routesOf } from '@relayrace/promises/routes'
import { createDispatchProxy } from '../src/index.ts'

routesOf(createDispatchProxy)
