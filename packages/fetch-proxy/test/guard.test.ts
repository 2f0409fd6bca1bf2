import { guardPromisesOf } from '../../gateway/test/guarded.ts'
import { createFetchProxy } from '../src/index.ts'

guardPromisesOf(createFetchProxy)
