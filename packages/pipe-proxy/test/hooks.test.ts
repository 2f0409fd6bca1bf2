import { hooksOf } from '../../gateway/test/hooks.ts'
import { createPipeProxy } from '../src/index.ts'

hooksOf(createPipeProxy)
