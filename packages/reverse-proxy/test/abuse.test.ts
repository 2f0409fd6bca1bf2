import { abuseOf } from '../../gateway/test/abuse.ts'
import { createReverseProxy } from '../src/index.ts'

abuseOf(createReverseProxy)
