import { memoryOf } from '@relayrace/promises/memory'

memoryOf('pipe-proxy')
