import { earlyAnswersTo } from '../../gateway/test/early.ts'
import { createPipeProxy } from '../src/index.ts'

earlyAnswersTo(createPipeProxy)
