import { promisesOf } from '../../gateway/test/strategy.ts'
import { createPipeProxy } from '../src/index.ts'

promisesOf(createPipeProxy)
