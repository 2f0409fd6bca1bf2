import { mountsOf } from '../../mount/test/mounts.ts'
import { parsedOf } from '../../mount/test/parsed.ts'
import { createFetchProxy } from '../src/index.ts'

mountsOf(createFetchProxy)
parsedOf(createFetchProxy)
