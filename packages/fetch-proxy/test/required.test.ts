import { requirementsOf } from '@relayrace/promises/required'
import { createFetchProxy } from '../src/index.ts'

requirementsOf(createFetchProxy)
