import { abuseOf } from '@relayrace/promises/abuse'
import { endlessAnswersOf } from '@relayrace/promises/endless'
import { createDispatchProxy } from '../src/index.ts'

// The parsers are those of fetch-proxy, which is asked for all of them.
abuseOf(createDispatchProxy, undefined, 3_000)
endlessAnswersOf(createDispatchProxy)
