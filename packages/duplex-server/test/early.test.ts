import { earlyAnswersTo } from '@relayrace/promises/early'
import { createDuplexGateway } from '../src/index.ts'

earlyAnswersTo(createDuplexGateway)
