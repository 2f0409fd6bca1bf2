import { requirementsOf } from '../../gateway/test/required.ts'
import { createFetchProxy } from '../src/index.ts'

requirementsOf(createFetchProxy)
