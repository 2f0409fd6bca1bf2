/** A client: connections are used again, no body is left behind, and a deadline says which phase it has met. */

import { once } from 'node:events'
import http, { type IncomingMessage } from 'node:http'
import https from 'node:https'
import { isIP } from 'node:net'

const agents = {
  'http:': new http.Agent({ keepAlive: true }),
  'https:': new https.Agent({ keepAlive: true }),
}

for (const url of process.argv.slice(2).map((text) => new URL(text))) {
  let [phase, since, times, bytes] = [isIP(url.hostname) ? 'connect' : 'dns', performance.now(), '', 0]
  const enter = (next: string): void => {
    times += ` ${phase} ${Math.round(performance.now() - since)} ms`
    ;[phase, since] = [next, performance.now()]
  }
  const signal = AbortSignal.timeout(Number(process.env.DEADLINE ?? 30_000))
  try {
    const request = http.get(url, { agent: agents[url.protocol as 'http:'], signal }).on('error', () => {})
    const [socket] = await once(request, 'socket')
    if (request.reusedSocket) phase = 'head'
    socket
      .once('lookup', () => enter('connect'))
      .once('connect', () => enter(socket.encrypted ? 'tls' : 'head'))
    socket.once('secureConnect', () => enter('head'))
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    enter('body')
    // Read to its end, and the connection is free; or not at all, and the connection ends.
    if (response.statusCode === 200) for await (const piece of response) bytes += piece.length
    else response.destroy()
    enter('')
    const kind = request.reusedSocket ? 'used' : 'new'
    console.log(`${response.statusCode} ${bytes} bytes over a ${kind} connection:${times}`)
  } catch (error) {
    console.error(`${signal.aborted ? 'too late' : error} in ${phase}, after${times}`)
  }
}
