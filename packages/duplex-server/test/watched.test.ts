import { watchedPromisesOf } from '../../gateway/test/watched.ts'
import { createDuplexGateway } from '../src/index.ts'

watchedPromisesOf(createDuplexGateway, { waits: false })
