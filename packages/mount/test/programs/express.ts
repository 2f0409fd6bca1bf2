import { createServer } from 'node:http'
import express from 'express'
import { expressGateway } from '../../src/express.ts'
import { gateway, serve } from './program.ts'

await serve(createServer(express().disable('x-powered-by').use(expressGateway(gateway))))
