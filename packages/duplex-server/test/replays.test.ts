import { replaysOf } from '@relayrace/promises/replays'
import { createDuplexGateway } from '../src/index.ts'

replaysOf(createDuplexGateway)
