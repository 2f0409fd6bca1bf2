import { runProgram } from '@relayrace/gateway/strategy'
import { createFetchProxy } from './fetch-proxy.ts'

await runProgram('fetch-proxy', createFetchProxy, new URL('../package.json', import.meta.url))
