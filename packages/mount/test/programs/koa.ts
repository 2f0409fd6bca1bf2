import { createServer } from 'node:http'
import Koa from 'koa'
import { koaGateway } from '../../src/koa.ts'
import { gateway, serve } from './program.ts'

await serve(createServer(new Koa().use(koaGateway(gateway)).callback()))
