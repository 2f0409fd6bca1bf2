import { programsOf } from '../../programs/test/behind.ts'
import { createDuplexGateway } from '../src/index.ts'

programsOf(createDuplexGateway)
