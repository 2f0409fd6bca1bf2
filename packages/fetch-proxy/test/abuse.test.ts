import { abuseOf } from '../../gateway/test/abuse.ts'
import { createFetchProxy } from '../src/index.ts'

abuseOf(createFetchProxy)
