import { hooksOf } from '@relayrace/promises/hooks'
import { createPipeProxy } from '../src/index.ts'

hooksOf(createPipeProxy)
