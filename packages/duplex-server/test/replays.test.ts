import { replaysOf } from '../../gateway/test/replays.ts'
import { createDuplexGateway } from '../src/index.ts'

replaysOf(createDuplexGateway)
