import { watchedPromisesOf } from '@relayrace/promises/watched'
import { createFetchProxy } from '../src/index.ts'

watchedPromisesOf(createFetchProxy)
