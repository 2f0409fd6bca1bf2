import { routesOf } from '../../gateway/test/routes.ts'
import { createPipeProxy } from '../src/index.ts'

routesOf(createPipeProxy)
