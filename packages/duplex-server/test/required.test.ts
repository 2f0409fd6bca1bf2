import { requirementsOf } from '@relayrace/promises/required'
import { createDuplexGateway } from '../src/index.ts'

requirementsOf(createDuplexGateway)
