import { replaysOf } from '@relayrace/promises/replays'
import { createPipeProxy } from '../src/index.ts'

replaysOf(createPipeProxy)
