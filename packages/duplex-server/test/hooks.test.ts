import { hooksOf } from '../../gateway/test/hooks.ts'
import { createDuplexGateway } from '../src/index.ts'

hooksOf(createDuplexGateway)
