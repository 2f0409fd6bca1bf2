import { runProgram } from '@relayrace/gateway/strategy'
import { createDuplexGateway } from './gateway.ts'

await runProgram('duplex-server', createDuplexGateway, new URL('../package.json', import.meta.url))
