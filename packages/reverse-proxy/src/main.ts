import { runProgram } from '@relayrace/gateway/program'
import { createReverseProxy } from './reverse.ts'

await runProgram('reverse-proxy', createReverseProxy)
