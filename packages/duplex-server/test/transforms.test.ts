import { transformsOf } from '../../gateway/test/transforms.ts'
import { createDuplexGateway } from '../src/index.ts'

transformsOf(createDuplexGateway)
