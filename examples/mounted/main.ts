/** In an application of Express: a service below `/proxy/`, which does not see the prefix, and files below `/download/`. */

import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { passUpgrades } from '@relayrace/mount'
import { expressGateway } from '@relayrace/mount/express'
import { createPipeProxy } from '@relayrace/pipe-proxy'
import express from 'express'

const to = process.argv[2] ?? 'http://example.com'
const service = createPipeProxy({ upstream: to })
const files = createPipeProxy({
  upstream: { to, path: (asked) => asked.slice('/download'.length) },
  modifyResponse: ({ fields }) => fields.set('Content-Disposition', 'attachment'),
})

const app = express()
app.get('/', (_, response) => void response.send('a page of the application\n'))
app.use('/proxy', expressGateway(service))
app.get('/download/*file', expressGateway(files))

const server: Server = app.listen(Number(process.env.PORT ?? 8080), '127.0.0.1', () => {
  passUpgrades(server)
  console.log(`mounted at http://127.0.0.1:${(server.address() as AddressInfo).port}/`)
})
