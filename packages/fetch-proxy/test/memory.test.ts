import { memoryOf } from '../../gateway/test/memory.ts'

memoryOf('fetch-proxy')
