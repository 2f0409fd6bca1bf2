import { memoryOf } from '@relayrace/promises/memory'

memoryOf('fetch-proxy')
