// In Node: says who it is, and repeats what comes by WebSocket.
import { createServer } from 'node:http'
import { WebSocketServer } from 'ws'

const server = createServer((request, response) => {
  response.setHeader('Content-Type', 'text/plain')
  response.end(`${request.method} ${request.url} in Node, process ${process.pid}\n`)
})
const sockets = new WebSocketServer({ server })
sockets.on('connection', (socket) => {
  socket.on('message', (message, isBinary) => socket.send(message, { binary: isBinary }))
})
server.listen(process.env.PORT, process.env.HOST)

process.once('SIGTERM', () => {
  for (const socket of sockets.clients) socket.close(1001)
  server.close(() => process.exit())
})
