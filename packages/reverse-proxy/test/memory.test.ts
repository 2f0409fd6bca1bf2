import { memoryOf } from '@relayrace/promises/memory'

memoryOf('reverse-proxy')
