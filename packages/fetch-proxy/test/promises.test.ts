import { promise } from '@relayrace/promises'
import { mountsOf } from '@relayrace/promises/mounted'
import { createFetchProxy } from '../src/index.ts'

promise(createFetchProxy)
mountsOf(createFetchProxy)
