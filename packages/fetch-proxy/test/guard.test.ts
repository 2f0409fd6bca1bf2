import { guardPromisesOf } from '@relayrace/promises/guarded'
import { createFetchProxy } from '../src/index.ts'

guardPromisesOf(createFetchProxy)
