import { transformsOf } from '@relayrace/promises/transforms'
import { createReverseProxy } from '../src/index.ts'

transformsOf(createReverseProxy)
