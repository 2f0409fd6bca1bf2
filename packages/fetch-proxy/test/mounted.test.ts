import { mountsOf } from '../../gateway/test/mounted.ts'
import { createFetchProxy } from '../src/index.ts'

mountsOf(createFetchProxy)
