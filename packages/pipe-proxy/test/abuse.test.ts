import { abuseOf } from '../../gateway/test/abuse.ts'
import { endlessAnswersOf } from '../../gateway/test/endless.ts'
import { createPipeProxy } from '../src/index.ts'

abuseOf(createPipeProxy)
endlessAnswersOf(createPipeProxy)
