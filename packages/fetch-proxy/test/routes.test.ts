import { routesOf } from '../../gateway/test/routes.ts'
import { createFetchProxy } from '../src/index.ts'

routesOf(createFetchProxy)
