import { watchedPromisesOf } from '@relayrace/promises/watched'
import { createDuplexGateway } from '../src/index.ts'

watchedPromisesOf(createDuplexGateway, { waits: false })
