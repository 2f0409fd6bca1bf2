import { mountsOf } from '@relayrace/promises/mounted'
import { createFetchProxy } from '../src/index.ts'

mountsOf(createFetchProxy)
