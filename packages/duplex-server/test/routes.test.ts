import { routesOf } from '../../gateway/test/routes.ts'
import { createDuplexGateway } from '../src/index.ts'

routesOf(createDuplexGateway)
