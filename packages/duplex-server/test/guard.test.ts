import { guardPromisesOf } from '../../gateway/test/guarded.ts'
import { createDuplexGateway } from '../src/index.ts'

guardPromisesOf(createDuplexGateway)
