import { runProgram } from '@relayrace/gateway/strategy'
import { createRequestProxy } from './request-proxy.ts'

await runProgram('request-proxy', createRequestProxy, new URL('../package.json', import.meta.url))
