import { abuseOf } from '@relayrace/promises/abuse'
import { endlessAnswersOf } from '@relayrace/promises/endless'
import { createFetchProxy } from '../src/index.ts'

abuseOf(createFetchProxy)
endlessAnswersOf(createFetchProxy)
