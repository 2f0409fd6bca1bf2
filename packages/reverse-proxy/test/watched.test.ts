import { watchedPromisesOf } from '../../gateway/test/watched.ts'
import { createReverseProxy } from '../src/index.ts'

watchedPromisesOf(createReverseProxy)
