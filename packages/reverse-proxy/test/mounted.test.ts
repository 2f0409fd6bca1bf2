import { mountsOf } from '../../gateway/test/mounted.ts'
import { createReverseProxy } from '../src/index.ts'

mountsOf(createReverseProxy)
