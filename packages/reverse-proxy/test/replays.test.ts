import { replaysOf } from '@relayrace/promises/replays'
import { createReverseProxy } from '../src/index.ts'

replaysOf(createReverseProxy)
