import { watchedPromisesOf } from '@relayrace/promises/watched'
import { createReverseProxy } from '../src/index.ts'

watchedPromisesOf(createReverseProxy)
