import { abuseOf } from '../../gateway/test/abuse.ts'
import { createPipeProxy } from '../src/index.ts'

abuseOf(createPipeProxy)
