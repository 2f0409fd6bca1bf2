import { mountsOf } from '@relayrace/promises/mounted'
import { createPipeProxy } from '../src/index.ts'

mountsOf(createPipeProxy)
