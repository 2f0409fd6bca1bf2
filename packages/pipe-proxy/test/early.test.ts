import { earlyAnswersTo } from '@relayrace/promises/early'
import { createPipeProxy } from '../src/index.ts'

earlyAnswersTo(createPipeProxy)
