/** Relays bytes, and gives the upstream connection to the next client in whatever state the last one has left it. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

const upstream = new URL(process.env.UPSTREAM ?? '')
const idle: Socket[] = []

const server = createServer((client) => {
  const origin = idle.pop() ?? connect({ host: upstream.hostname, port: Number(upstream.port) })
  const forward = (bytes: Buffer): void => void client.write(bytes)
  const gone = (): void => void client.destroy()
  origin.on('data', forward).once('close', gone).on('error', gone)
  client.on('data', (bytes) => origin.write(bytes)).on('error', () => {})
  client.once('close', () => {
    origin.off('data', forward).off('close', gone).pause()
    if (!origin.destroyed) idle.push(origin)
  })
})
server.listen(Number(process.env.PORT ?? 0), '127.0.0.1', () => {
  process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`)
})
process.once('SIGTERM', () => process.exit())
