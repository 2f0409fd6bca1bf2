import { runProgram } from '@relayrace/gateway/strategy'
import { createReverseProxy } from './reverse.ts'

await runProgram('reverse-proxy', createReverseProxy, new URL('../package.json', import.meta.url))
