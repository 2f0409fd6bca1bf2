import { replaysOf } from '@relayrace/promises/replays'
import { createFetchProxy } from '../src/index.ts'

replaysOf(createFetchProxy)
