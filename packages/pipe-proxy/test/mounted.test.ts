import { mountsOf } from '../../gateway/test/mounted.ts'
import { createPipeProxy } from '../src/index.ts'

mountsOf(createPipeProxy)
