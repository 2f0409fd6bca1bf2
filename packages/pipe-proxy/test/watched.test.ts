import { watchedPromisesOf } from '@relayrace/promises/watched'
import { createPipeProxy } from '../src/index.ts'

watchedPromisesOf(createPipeProxy)
