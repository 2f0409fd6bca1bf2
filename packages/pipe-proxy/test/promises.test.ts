import { promise } from '@relayrace/promises'
import { mountsOf } from '@relayrace/promises/mounted'
import { createPipeProxy } from '../src/index.ts'

promise(createPipeProxy)
mountsOf(createPipeProxy)
