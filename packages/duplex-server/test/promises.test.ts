import { promise } from '@relayrace/promises'
import { createDuplexGateway } from '../src/index.ts'

promise(createDuplexGateway)
