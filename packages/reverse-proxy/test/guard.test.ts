import { guardPromisesOf } from '@relayrace/promises/guarded'
import { createReverseProxy } from '../src/index.ts'

guardPromisesOf(createReverseProxy)
