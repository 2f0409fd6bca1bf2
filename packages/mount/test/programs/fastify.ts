import fastify from 'fastify'
import { gatewayPlugin } from '../../src/fastify.ts'
import { gateway, serve, where } from './program.ts'

const app = fastify()
app.register(gatewayPlugin, { gateway })
await app.listen(where)
await serve(app.server)
