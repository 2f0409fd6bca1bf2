import { abuseOf } from '../../gateway/test/abuse.ts'
import { endlessAnswersOf } from '../../gateway/test/endless.ts'
import { createFetchProxy } from '../src/index.ts'

abuseOf(createFetchProxy)
endlessAnswersOf(createFetchProxy)
