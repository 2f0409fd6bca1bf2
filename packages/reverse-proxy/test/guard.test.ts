import { guardPromisesOf } from '../../gateway/test/guarded.ts'
import { createReverseProxy } from '../src/index.ts'

guardPromisesOf(createReverseProxy)
