import { programsOf } from '../../programs/test/behind.ts'
import { createPipeProxy } from '../src/index.ts'

programsOf(createPipeProxy)
