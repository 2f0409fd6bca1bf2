import { requirementsOf } from '@relayrace/promises/required'
import { createDispatchProxy } from '../src/index.ts'

requirementsOf(createDispatchProxy)
