import { promise } from '@relayrace/promises'
import { mountsOf } from '@relayrace/promises/mounted'
import { createReverseProxy } from '../src/index.ts'

promise(createReverseProxy)
mountsOf(createReverseProxy)
