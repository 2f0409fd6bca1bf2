/** HDR: which fields pass, and which belong to one connection only. RFC 9110 §5 and §7.6. */

import { type Case, head, reply } from '../case.ts'
import { answered, lacks, values } from '../expect.ts'

export const hdr: readonly Case[] = [
  {
    id: 'HDR-01',
    rule: 'RFC 9110 §7.6.1',
    level: 'MUST',
    title: 'removes the request fields that Connection nominates, and Connection itself',
    async run({ exchange }) {
      const { request, response } = await exchange(
        head('GET /hdr HTTP/1.1', 'Host: a', 'Connection: X-Hop, keep-alive', 'X-Hop: 1', 'X-End: 2'),
        reply('ok'),
      )
      lacks(request, 'x-hop', 'the request at the origin')
      values(request, 'x-end', ['2'], 'the request at the origin')
      const nominated = request.all('connection').join().toLowerCase()
      if (nominated.includes('x-hop')) lacks(request, 'connection', 'the request at the origin')
      answered(response, 200, 'ok')
    },
  },
]
