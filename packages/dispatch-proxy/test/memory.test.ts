import { memoryOf } from '@relayrace/promises/memory'

memoryOf('dispatch-proxy')
