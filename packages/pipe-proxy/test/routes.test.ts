import { routesOf } from '@relayrace/promises/routes'
import { createPipeProxy } from '../src/index.ts'

routesOf(createPipeProxy)
