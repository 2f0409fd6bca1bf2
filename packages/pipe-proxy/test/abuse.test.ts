import { abuseOf } from '@relayrace/promises/abuse'
import { endlessAnswersOf } from '@relayrace/promises/endless'
import { createPipeProxy } from '../src/index.ts'

abuseOf(createPipeProxy)
endlessAnswersOf(createPipeProxy)
