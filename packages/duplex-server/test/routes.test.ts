import { routesOf } from '@relayrace/promises/routes'
import { createDuplexGateway } from '../src/index.ts'

routesOf(createDuplexGateway)
