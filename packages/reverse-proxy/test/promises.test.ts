import { promisesOf } from '@relayrace/promises/strategy'
import { createReverseProxy } from '../src/index.ts'

promisesOf(createReverseProxy)
