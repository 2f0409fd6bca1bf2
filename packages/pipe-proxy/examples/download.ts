/** `node download.ts [PORT]`: `/download?url=…` fetches what a user asks for, and nothing from the network that it runs in. */

import { createPipeProxy, guarded } from '../src/index.ts'

const gateway = createPipeProxy({
  ...guarded({
    destination: ({ request }) => {
      const { pathname, searchParams } = new URL(request.target, 'http://localhost')
      return pathname === '/download' ? (searchParams.get('url') ?? undefined) : undefined
    },
    redirects: 5,
    modifyResponse: ({ fields }) => fields.set('Content-Disposition', 'attachment'),
  }),
  timeouts: { responseHead: 30_000, responseBody: 30_000 },
  limits: { responseBody: 1024 ** 3, exchanges: 100 },
})
const { url } = await gateway.listen({ port: Number(process.argv[2] ?? 0) })
console.log(`download ${url.href}`)
process.once('SIGTERM', () => void gateway.close())
