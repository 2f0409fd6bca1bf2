import { guardPromisesOf } from '@relayrace/promises/guarded'
import { createPipeProxy } from '../src/index.ts'

guardPromisesOf(createPipeProxy)
