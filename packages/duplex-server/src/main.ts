import { runProgram } from '@relayrace/gateway/program'
import { createDuplexGateway } from './gateway.ts'

await runProgram('duplex-server', createDuplexGateway, new URL('../package.json', import.meta.url))
