import { hooksOf } from '@relayrace/promises/hooks'
import { createReverseProxy } from '../src/index.ts'

hooksOf(createReverseProxy)
