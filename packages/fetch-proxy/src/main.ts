import { runProgram } from '@relayrace/gateway/program'
import { createFetchProxy } from './fetch-proxy.ts'

await runProgram('fetch-proxy', createFetchProxy, new URL('../package.json', import.meta.url))
