import { earlyAnswersTo } from '../../gateway/test/early.ts'
import { createReverseProxy } from '../src/index.ts'

earlyAnswersTo(createReverseProxy)
