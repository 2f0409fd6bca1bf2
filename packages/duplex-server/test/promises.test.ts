import { promisesOf } from '@relayrace/promises/strategy'
import { createDuplexGateway } from '../src/index.ts'

promisesOf(createDuplexGateway)
