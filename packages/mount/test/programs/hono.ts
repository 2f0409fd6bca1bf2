import type { Server } from 'node:http'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { honoGateway } from '../../src/hono.ts'
import { gateway, serve } from './program.ts'

const app = new Hono()
app.all('*', honoGateway(gateway))
await serve(createAdaptorServer({ fetch: app.fetch }) as Server)
