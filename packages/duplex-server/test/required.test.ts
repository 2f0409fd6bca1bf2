import { requirementsOf } from '../../gateway/test/required.ts'
import { createDuplexGateway } from '../src/index.ts'

requirementsOf(createDuplexGateway)
