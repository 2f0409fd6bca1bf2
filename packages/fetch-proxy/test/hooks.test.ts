import { hooksOf } from '@relayrace/promises/hooks'
import { createFetchProxy } from '../src/index.ts'

hooksOf(createFetchProxy)
