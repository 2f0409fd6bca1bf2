import { replaysOf } from '../../gateway/test/replays.ts'
import { createPipeProxy } from '../src/index.ts'

replaysOf(createPipeProxy)
