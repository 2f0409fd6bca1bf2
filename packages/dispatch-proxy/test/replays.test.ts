import { replaysOf } from '@relayrace/promises/replays'
import { createDispatchProxy } from '../src/index.ts'

replaysOf(createDispatchProxy)
