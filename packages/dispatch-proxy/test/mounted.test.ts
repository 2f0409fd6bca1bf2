import { mountsOf } from '@relayrace/promises/mounted'
import { createDispatchProxy } from '../src/index.ts'

mountsOf(createDispatchProxy)
