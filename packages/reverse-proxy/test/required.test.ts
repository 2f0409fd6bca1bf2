import { requirementsOf } from '../../gateway/test/required.ts'
import { createReverseProxy } from '../src/index.ts'

requirementsOf(createReverseProxy)
