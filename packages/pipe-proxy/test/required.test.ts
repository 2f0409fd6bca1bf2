import { requirementsOf } from '@relayrace/promises/required'
import { createPipeProxy } from '../src/index.ts'

requirementsOf(createPipeProxy)
