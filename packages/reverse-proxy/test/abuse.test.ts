import { abuseOf } from '../../gateway/test/abuse.ts'
import { endlessAnswersOf } from '../../gateway/test/endless.ts'
import { createReverseProxy } from '../src/index.ts'

abuseOf(createReverseProxy)
endlessAnswersOf(createReverseProxy)
