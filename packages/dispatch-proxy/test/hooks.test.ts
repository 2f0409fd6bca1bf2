import { hooksOf } from '@relayrace/promises/hooks'
import { createDispatchProxy } from '../src/index.ts'

hooksOf(createDispatchProxy)
