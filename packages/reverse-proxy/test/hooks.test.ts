import { hooksOf } from '../../gateway/test/hooks.ts'
import { createReverseProxy } from '../src/index.ts'

hooksOf(createReverseProxy)
