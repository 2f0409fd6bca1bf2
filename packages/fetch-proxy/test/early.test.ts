import { earlyAnswersTo } from '../../gateway/test/early.ts'
import { createFetchProxy } from '../src/index.ts'

earlyAnswersTo(createFetchProxy)
