import { matrixOf } from '../../gateway/test/matrix.ts'
import { createDuplexGateway } from '../src/index.ts'

matrixOf(createDuplexGateway, { speaksHttp2: false })
