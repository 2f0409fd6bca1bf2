import { promisesOf } from '../../gateway/test/strategy.ts'
import { createReverseProxy } from '../src/index.ts'

promisesOf(createReverseProxy)
