import { guardPromisesOf } from '../../gateway/test/guarded.ts'
import { createPipeProxy } from '../src/index.ts'

guardPromisesOf(createPipeProxy)
