import { memoryOf } from '../../gateway/test/memory.ts'

memoryOf('pipe-proxy')
