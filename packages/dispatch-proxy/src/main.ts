import { runProgram } from '@relayrace/gateway/strategy'
import { createDispatchProxy } from './dispatch.ts'

await runProgram('dispatch-proxy', createDispatchProxy, new URL('../package.json', import.meta.url))
