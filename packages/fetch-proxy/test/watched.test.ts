import { watchedPromisesOf } from '../../gateway/test/watched.ts'
import { createFetchProxy } from '../src/index.ts'

watchedPromisesOf(createFetchProxy)
