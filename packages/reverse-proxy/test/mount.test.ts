import { mountsOf } from '../../mount/test/mounts.ts'
import { parsedOf } from '../../mount/test/parsed.ts'
import { createReverseProxy } from '../src/index.ts'

mountsOf(createReverseProxy)
parsedOf(createReverseProxy)
