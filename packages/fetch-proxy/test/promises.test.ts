import { promisesOf } from '@relayrace/promises/strategy'
import { createFetchProxy } from '../src/index.ts'

promisesOf(createFetchProxy)
