import { earlyAnswersTo } from '@relayrace/promises/early'
import { createDispatchProxy } from '../src/index.ts'

earlyAnswersTo(createDispatchProxy)
