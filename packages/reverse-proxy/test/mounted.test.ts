import { mountsOf } from '@relayrace/promises/mounted'
import { createReverseProxy } from '../src/index.ts'

mountsOf(createReverseProxy)
