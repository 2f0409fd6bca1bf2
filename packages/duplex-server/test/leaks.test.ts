import { leaksOf } from '../../gateway/test/leaks.ts'

leaksOf(new URL('../src/index.ts', import.meta.url), 'createDuplexGateway')
