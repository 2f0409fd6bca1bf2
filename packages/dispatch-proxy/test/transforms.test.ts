import { transformsOf } from '@relayrace/promises/transforms'
import { createDispatchProxy } from '../src/index.ts'

transformsOf(createDispatchProxy)
