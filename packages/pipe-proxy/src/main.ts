import { runProgram } from '@relayrace/gateway/strategy'
import { createPipeProxy } from './pipe.ts'

await runProgram('pipe-proxy', createPipeProxy, new URL('../package.json', import.meta.url))
