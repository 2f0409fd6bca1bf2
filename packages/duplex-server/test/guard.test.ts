import { guardPromisesOf } from '@relayrace/promises/guarded'
import { createDuplexGateway } from '../src/index.ts'

guardPromisesOf(createDuplexGateway)
