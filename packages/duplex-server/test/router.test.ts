import { routingOf } from '../../router/test/routing.ts'
import { createDuplexGateway } from '../src/index.ts'

routingOf(createDuplexGateway)
