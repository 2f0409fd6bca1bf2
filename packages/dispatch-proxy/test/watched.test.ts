import { watchedPromisesOf } from '@relayrace/promises/watched'
import { createDispatchProxy } from '../src/index.ts'

watchedPromisesOf(createDispatchProxy)
