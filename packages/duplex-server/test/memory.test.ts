import { memoryOf } from '@relayrace/promises/memory'

memoryOf('duplex-server', 1024)
