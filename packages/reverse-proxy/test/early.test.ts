import { earlyAnswersTo } from '@relayrace/promises/early'
import { createReverseProxy } from '../src/index.ts'

earlyAnswersTo(createReverseProxy)
