import { earlyAnswersTo } from '../../gateway/test/early.ts'
import { createDuplexGateway } from '../src/index.ts'

earlyAnswersTo(createDuplexGateway)
