import type { Bulk } from './bulk.ts'
import { download } from './download.ts'
import { KiB, type Scenario, size } from './scenario.ts'
import { sameTls } from './secure.ts'
import { small } from './small.ts'

const connections = 4
const streams = 16
const bytes = KiB

export const h2: Scenario<{ requests: number; warmUp: number }> = {
  ...small,
  name: 'h2',
  title: 'Small requests over HTTP/2',
  question: 'What does one small exchange cost when clients speak HTTP/2?',
  byName: true,
  way: 'h2',
  scales: {
    smoke: { requests: 1_000, warmUp: 500 },
    quick: { requests: 8_000, warmUp: 20_000 },
    full: { requests: 20_000, warmUp: 50_000 },
  },
  load: (scale) =>
    `node:http2: ${scale.requests} requests for ${size(bytes)} over ${connections} connections, ${streams} at a time on each, after ${scale.warmUp} that do not count. ${sameTls}. The origin is asked in HTTP/1.1.`,
  wrong:
    'Another status or length, wrong bytes, a stream that is reset, a connection that ends, ten seconds of silence.',
  job: ({ requests, warmUp }) => ({ kind: 'http2', connections, streams, amount: requests, bytes, warmUp }),
}

export const h2Download: Scenario<Bulk> = {
  ...download,
  name: 'h2-download',
  title: 'One download over HTTP/2',
  question: 'What does it cost to relay one large response to a client that speaks HTTP/2?',
  byName: true,
  way: 'h2',
  load: (scale) =>
    `node:http2: one client takes one body of ${size(scale.size)} as fast as it comes, with windows of 8 MiB. ${sameTls}.`,
  expects: 'Status 200, the right length, and every byte in its place.',
  wrong: `${download.wrong} Also a stream that is reset.`,
  job: (scale) => ({
    ...{ kind: 'http2', connections: 1, streams: 1, amount: 1 },
    bytes: scale.size,
    warmUp: { bytes: scale.warmUp },
  }),
}
