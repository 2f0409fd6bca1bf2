/** Shows a built site, to this machine only. */

import { once } from 'node:events'
import { createReadStream, existsSync, statSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import path from 'node:path'

const types: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.txt': 'text/plain; charset=utf-8',
  '.woff2': 'font/woff2',
}

/** @returns Where it is; `close` ends it. */
export async function serve(folder: string, port: number): Promise<{ href: string; close: () => void }> {
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://site')
    const name = path.join(folder, path.normalize(decodeURIComponent(pathname)))
    const file = [name, `${name}.html`, path.join(name, 'index.html')].find(
      (one) => existsSync(one) && statSync(one).isFile(),
    )
    const found = file ?? path.join(folder, '404.html')
    response.writeHead(file === undefined ? 404 : 200, {
      'Content-Type': types[path.extname(found)] ?? 'application/octet-stream',
    })
    createReadStream(found).pipe(response)
  }).listen(port, '127.0.0.1')
  await once(server, 'listening')
  const href = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
  return {
    href,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
