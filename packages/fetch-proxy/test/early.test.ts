import { earlyAnswersTo } from '@relayrace/promises/early'
import { createFetchProxy } from '../src/index.ts'

earlyAnswersTo(createFetchProxy)
