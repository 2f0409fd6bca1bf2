import { memoryOf } from '../../gateway/test/memory.ts'

memoryOf('reverse-proxy')
