import { replaysOf } from '../../gateway/test/replays.ts'
import { createFetchProxy } from '../src/index.ts'

replaysOf(createFetchProxy)
