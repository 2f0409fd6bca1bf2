import { matrixOf } from '@relayrace/promises/matrix'
import { createDuplexGateway } from '../src/index.ts'

matrixOf(createDuplexGateway, { speaksHttp2: false })
