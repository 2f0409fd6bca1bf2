// A service: says who it is, sends many bytes, repeats what it is told, holds an answer back until it is told to give it.
import { createServer } from 'node:http'

const held = []
const server = createServer((request, response) => {
  const { pathname } = new URL(request.url, 'http://a')
  const [, what, count] = pathname.split('/')
  if (what === 'bytes') {
    response.setHeader('Content-Length', count)
    let left = Number(count)
    const more = () => {
      while (left > 0) {
        const piece = Buffer.alloc(Math.min(left, 16384), 'x')
        left -= piece.length
        if (!response.write(piece)) return response.once('drain', more)
      }
      response.end()
    }
    more()
  } else if (what === 'echo') {
    request.pipe(response)
  } else if (what === 'hold') {
    held.push(response)
    console.log('holding')
  } else if (what === 'release') {
    for (const one of held.splice(0)) one.end('released')
    response.end()
  } else {
    response.end(JSON.stringify({ language: 'node', pid: process.pid, path: request.url }))
  }
})
server.listen(process.env.SOCKET ?? { port: Number(process.env.PORT), host: '127.0.0.1' }, () =>
  console.log('listening'),
)
process.on('SIGTERM', () => {
  server.close(() => process.exit())
  server.closeIdleConnections()
})
