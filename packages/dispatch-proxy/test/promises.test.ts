import { promise } from '@relayrace/promises'
import { mountsOf } from '@relayrace/promises/mounted'
import { createDispatchProxy } from '../src/index.ts'

promise(createDispatchProxy)
mountsOf(createDispatchProxy)
