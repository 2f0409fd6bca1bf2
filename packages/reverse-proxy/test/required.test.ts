import { requirementsOf } from '@relayrace/promises/required'
import { createReverseProxy } from '../src/index.ts'

requirementsOf(createReverseProxy)
