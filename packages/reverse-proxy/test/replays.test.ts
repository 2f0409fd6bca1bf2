import { replaysOf } from '../../gateway/test/replays.ts'
import { createReverseProxy } from '../src/index.ts'

replaysOf(createReverseProxy)
