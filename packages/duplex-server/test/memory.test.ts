import { memoryOf } from '../../gateway/test/memory.ts'

memoryOf('duplex-server', 1024)
