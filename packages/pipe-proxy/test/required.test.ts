import { requirementsOf } from '../../gateway/test/required.ts'
import { createPipeProxy } from '../src/index.ts'

requirementsOf(createPipeProxy)
