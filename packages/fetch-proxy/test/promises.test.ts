import { promisesOf } from '../../gateway/test/strategy.ts'
import { createFetchProxy } from '../src/index.ts'

promisesOf(createFetchProxy)
