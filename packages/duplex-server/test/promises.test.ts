import { promisesOf } from '../../gateway/test/strategy.ts'
import { createDuplexGateway } from '../src/index.ts'

promisesOf(createDuplexGateway)
