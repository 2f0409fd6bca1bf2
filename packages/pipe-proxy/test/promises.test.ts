import { promisesOf } from '@relayrace/promises/strategy'
import { createPipeProxy } from '../src/index.ts'

promisesOf(createPipeProxy)
