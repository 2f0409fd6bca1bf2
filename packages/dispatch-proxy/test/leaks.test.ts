import { leaksOf } from '@relayrace/promises/leaks'

leaksOf(new URL('../src/index.ts', import.meta.url), 'createDispatchProxy')
