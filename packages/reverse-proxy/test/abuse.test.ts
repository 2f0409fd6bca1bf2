import { abuseOf } from '@relayrace/promises/abuse'
import { endlessAnswersOf } from '@relayrace/promises/endless'
import { createReverseProxy } from '../src/index.ts'

abuseOf(createReverseProxy)
endlessAnswersOf(createReverseProxy)
