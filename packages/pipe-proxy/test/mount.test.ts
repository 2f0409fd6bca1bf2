import { mountsOf } from '../../mount/test/mounts.ts'
import { parsedOf } from '../../mount/test/parsed.ts'
import { createPipeProxy } from '../src/index.ts'

mountsOf(createPipeProxy)
parsedOf(createPipeProxy)
