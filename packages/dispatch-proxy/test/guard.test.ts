import { guardPromisesOf } from '@relayrace/promises/guarded'
import { createDispatchProxy } from '../src/index.ts'

guardPromisesOf(createDispatchProxy)
