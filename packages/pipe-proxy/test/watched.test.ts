import { watchedPromisesOf } from '../../gateway/test/watched.ts'
import { createPipeProxy } from '../src/index.ts'

watchedPromisesOf(createPipeProxy)
