import { hooksOf } from '../../gateway/test/hooks.ts'
import { createFetchProxy } from '../src/index.ts'

hooksOf(createFetchProxy)
