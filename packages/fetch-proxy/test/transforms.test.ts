import { transformsOf } from '@relayrace/promises/transforms'
import { createFetchProxy } from '../src/index.ts'

transformsOf(createFetchProxy)
