import { abuseOf } from '@relayrace/promises/abuse'
import { endlessAnswersOf } from '@relayrace/promises/endless'
import { createReverseProxy } from '../src/index.ts'

// The parsers are those of pipe-proxy, which is asked for all of them.
abuseOf(createReverseProxy, undefined, 3_000)
endlessAnswersOf(createReverseProxy)
