import { promisesOf } from '@relayrace/promises/strategy'
import { createDispatchProxy } from '../src/index.ts'

promisesOf(createDispatchProxy)
