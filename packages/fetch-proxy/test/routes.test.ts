import { routesOf } from '@relayrace/promises/routes'
import { createFetchProxy } from '../src/index.ts'

routesOf(createFetchProxy)
