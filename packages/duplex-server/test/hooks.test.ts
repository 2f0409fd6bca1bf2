import { hooksOf } from '@relayrace/promises/hooks'
import { createDuplexGateway } from '../src/index.ts'

hooksOf(createDuplexGateway)
