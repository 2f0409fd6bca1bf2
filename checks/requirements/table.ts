/**
 * What is required, and what shows it beside the tests that say so themselves: those whose title, or that of what they are
 * inside of, begins with the letter.
 */

export const strategies = [
  'pipe-proxy',
  'reverse-proxy',
  'dispatch-proxy',
  'fetch-proxy',
  'duplex-server',
] as const
export type StrategyName = (typeof strategies)[number]

export interface Requirement {
  readonly letter: string
  readonly title: string
  /** All of them when absent. Empty for what is asked of the repository and not of a way to stream. */
  readonly on?: readonly StrategyName[]
  /** Tests that have no letter in their titles: by file, the names of tests or of what they are inside of. */
  readonly tests?: Readonly<Record<string, readonly string[]>>
  /** Cases of the suite. */
  readonly cases?: readonly string[]
  /** Scenarios of the bench. */
  readonly scenarios?: readonly string[]
  /** Where nothing shows it, and why. */
  readonly not?: Partial<Record<StrategyName, string>>
  /** The part that is shown nowhere. */
  readonly missing?: string
}

export interface Group {
  readonly title: string
  readonly requirements: readonly Requirement[]
}

const duplexOnly = ['duplex-server'] as const
const repository = [] as const

export const groups: readonly Group[] = [
  {
    title: 'A response is streamed on',
    requirements: [
      {
        letter: 'A1',
        title: 'Relayed while it arrives; memory does not grow with the size of the object',
        cases: ['STRM-01', 'STRM-02', 'STRM-04'],
        scenarios: ['download', 'parallel', 'upload'],
      },
      {
        letter: 'A2',
        title: 'The first byte goes on as soon as it came, the head before the body',
        cases: ['FLUSH-01', 'FLUSH-03'],
      },
      {
        letter: 'A3',
        title: 'The copy loop has a bounded buffer',
        cases: ['STRM-01', 'STRM-02', 'STRM-03', 'UPG-08'],
        scenarios: ['stalled'],
      },
      {
        letter: 'A4',
        title: 'Method, path, query, fields and body go upstream; status and end-to-end fields come back',
        cases: [
          'FRAME-01',
          'FRAME-02',
          'HDR-07',
          'HDR-08',
          'HDR-13',
          'PASS-02',
          'PASS-03',
          'PASS-09',
          'URI-01',
        ],
      },
      {
        letter: 'A5',
        title: 'Hop-by-hop fields never pass',
        tests: { 'packages/gateway/test/fields.test.ts': [] },
        cases: ['HDR-01', 'HDR-02', 'HDR-03', 'HDR-05'],
      },
      {
        letter: 'A6',
        title: 'Content-Length passes when known; unknown length becomes chunked; none is invented',
        cases: ['FRAME-05', 'FRAME-06', 'NOBODY-07'],
        scenarios: ['chunked', 'chunked-large'],
      },
      {
        letter: 'A7',
        title: 'A deadline on the upstream exchange, cancelled with the client',
        cases: ['TIME-08', 'CANC-01'],
      },
      {
        letter: 'A8',
        title:
          'Unreachable is 502, too slow 504, a fault of our own 500; after the head a failure is a broken message',
        cases: ['ERR-01', 'ERR-06', 'TIME-04', 'TRUNC-01', 'TRUNC-02', 'TRUNC-03', 'TRUNC-09'],
      },
      {
        letter: 'A9',
        title: 'Nothing leaks: descriptors, sockets, listeners, timers, heap',
        cases: ['STRM-09', 'POOL-10', 'CANC-02', 'CANC-10'],
      },
    ],
  },
  {
    title: 'The proxy is configurable',
    requirements: [
      {
        letter: 'B1',
        title: 'Hooks on the request, the response head and errors; forwarding fields',
        cases: ['FWD-01', 'FWD-02', 'FWD-04', 'FWD-09'],
      },
      {
        letter: 'B2',
        title: 'Path joining and prefix stripping; Host by choice',
        cases: ['URI-07', 'HOST-02'],
        missing: 'a function that strips a prefix: a hook does it, or the router of a framework',
      },
      {
        letter: 'B3',
        title: 'Upgrades; HTTP/2 where the stack can',
        cases: ['UPG-01', 'UPG-03', 'UPG-06', 'UPG-15', 'H2-01', 'H2-02', 'H2-03', 'H2-14', 'H2-16'],
        missing: 'HTTP/2 on duplex-server, which speaks HTTP/1.1 and nothing else',
      },
      {
        letter: 'B4',
        title: 'A pool: connections, idle ones, idle time; none shared between origins, names or gateways',
        cases: ['POOL-01', 'POOL-05', 'POOL-11', 'POOL-12'],
      },
      {
        letter: 'B5',
        title:
          'A transport that can be wrapped: logged, repeated, put behind a breaker; connections stay in use',
      },
      {
        letter: 'B6',
        title: 'HTTPS upstreams, verified by default; TLS in front',
        cases: ['SEC-03', 'SEC-05', 'SEC-06'],
      },
      {
        letter: 'B7',
        title:
          'Mounts in node:http, Express, Fastify, Koa, Hono and Vite; upgrades behind their authentication, prefixes, parsed content',
        not: { 'duplex-server': 'it has a server of its own, and is mounted in none' },
      },
      { letter: 'B8', title: 'Sensitive fields are removed by configuration' },
    ],
  },
  {
    title: 'A gateway stands before separate programs',
    requirements: [
      {
        letter: 'C1',
        title: 'Several services by path prefix, the prefix stripped, each with its own strategy',
      },
      {
        letter: 'C2',
        title: 'Authentication before the proxy, rate limits, any middleware',
        tests: { 'packages/promises/src/required.ts': ['F1 access control'] },
      },
      {
        letter: 'C3',
        title:
          'The longest prefix wins, /foo is not /foo/, a registered /api/ redirects /api, a handler that throws is 500',
      },
      {
        letter: 'C4',
        title: 'Load balancing, health checks, circuit breaking, draining, routes that change',
        tests: {
          'packages/promises/src/wrapped.ts': [
            'asks one upstream after the other, when nobody listens or it is busy',
            'runs behind a circuit breaker',
          ],
          'packages/router/test/routing.test.ts': ['routes are replaced while they run'],
        },
        cases: ['POOL-09', 'H2-17'],
      },
      {
        letter: 'C5',
        title: 'Services are programs in any language: started, watched, restarted and stopped',
      },
      {
        letter: 'C6',
        title:
          'The alternatives run and are measured: redirects, a Unix domain socket, messages between processes, a connection that is handed on',
        on: repository,
        tests: {
          'fixtures/targets/targets.test.ts': [
            '$name › serves what the origin has, takes an upload, and ends without leaving a process',
          ],
        },
      },
    ],
  },
  {
    title: 'A connection is taken over',
    requirements: [
      {
        letter: 'D1',
        title:
          'An HTTP connection is taken over from node:http: socket, buffered bytes, the duty to close it',
        on: duplexOnly,
        tests: {
          'packages/duplex-server/test/hijack.test.ts': [],
          'packages/duplex-server/test/examples.test.ts': [
            'websocket-echo answers a WebSocket client',
            '… answers each piece before the next one is sent',
          ],
        },
      },
      {
        letter: 'D2',
        title: 'Head written by hand, request read and response written at the same time, piece by piece',
        on: duplexOnly,
        tests: {
          'packages/duplex-server/test/examples.test.ts': [
            '… answers each piece before the next one is sent',
          ],
        },
        cases: ['DUPLX-01', 'DUPLX-04'],
        scenarios: ['echo'],
      },
      {
        letter: 'D3',
        title:
          'A server of its own in full duplex: interim responses, trailers, upgrades, CONNECT, tunnels; and a gateway on it',
        on: duplexOnly,
        tests: {
          'packages/duplex-server/test/stream.test.ts': [],
          'packages/duplex-server/test/server-connection.test.ts': [],
          'packages/duplex-server/test/tunnel.test.ts': [],
        },
        cases: ['DUPLX-01', 'DUPLX-02', 'DUPLX-04', 'DUPLX-07', 'INFO-01', 'TRLR-01', 'UPG-01', 'UPG-11'],
      },
    ],
  },
  {
    title: 'A request’s life',
    requirements: [
      {
        letter: 'E1',
        title: 'Connection reuse is visible and correct',
        cases: ['POOL-01', 'POOL-02', 'POOL-05', 'POOL-10'],
        scenarios: ['small'],
      },
      {
        letter: 'E2',
        title: 'A limit for every phase, which says which one it was',
        cases: ['TIME-01', 'TIME-02', 'TIME-03', 'TIME-04', 'TIME-05', 'TIME-07', 'TIME-08'],
      },
      {
        letter: 'E3',
        title: 'Cancellation reaches everything, in both directions',
        cases: ['CANC-01', 'CANC-02', 'CANC-03', 'CANC-04'],
      },
      {
        letter: 'E4',
        title: 'A response head is written once',
        cases: ['TRUNC-09', 'ERR-03'],
      },
      {
        letter: 'E5',
        title: 'Live responses pass piece by piece',
        cases: ['FLUSH-02', 'FLUSH-04', 'FLUSH-05'],
        scenarios: ['events'],
      },
    ],
  },
  {
    title: 'Safety',
    requirements: [
      { letter: 'F1', title: 'Access control' },
      {
        letter: 'F2',
        title: 'URLs of users reach nothing private; the address that was checked is the one that is dialled',
        cases: ['SEC-01', 'SEC-04'],
      },
      {
        letter: 'F3',
        title: 'What two parsers could read differently is refused',
        cases: [
          'SMUG-01',
          'SMUG-02',
          'SMUG-04',
          'SMUG-06',
          'SMUG-08',
          'SMUG-11',
          'SMUG-13',
          'SEC-02',
          'URI-02',
        ],
      },
      {
        letter: 'F4',
        title: 'Limits on heads, bodies, connections, exchanges; slow clients cannot pin the server',
        cases: ['LIMIT-04', 'LIMIT-07', 'LIMIT-10', 'LIMIT-11', 'TIME-08', 'STRM-03'],
        scenarios: ['stalled', 'idle'],
      },
    ],
  },
  {
    title: 'The suite and the bench',
    requirements: [
      {
        letter: 'G1',
        title: 'One suite for all, from outside, against foreign proxies and anybody’s own',
        on: repository,
        tests: {
          'packages/conformance/test/broken.test.ts': [],
          'packages/conformance/test/command-line.test.ts': [
            'every command is judged, under a name of its own',
          ],
          'fixtures/targets/targets.test.ts': [
            '$name › serves what the origin has, takes an upload, and ends without leaving a process',
          ],
        },
      },
      {
        letter: 'G2',
        title:
          'Memory, speed, processor time, first byte; slow readers, uploads, duplex, many streams, live events',
        on: repository,
        tests: {
          'bench/scenarios/scenarios.test.ts': [],
          'bench/ceilings/command.test.ts': [
            'finds, shows, writes, and reports the same again from the file alone',
          ],
          'bench/run.test.ts': [
            'a whole run › measures, writes, and reports the same again from the file alone',
          ],
        },
        scenarios: [
          'download',
          'parallel',
          'upload',
          'stalled',
          'small',
          'idle',
          'chunked',
          'chunked-large',
          'events',
          'echo',
        ],
        missing: 'a scenario of clients that leave',
      },
      {
        letter: 'G3',
        title: 'Peers in the same run, uncertainty shown, raw samples kept',
        on: repository,
        tests: {
          'bench/report/summary.test.ts': [
            'the ratio is to the base, round by round, with an interval from five rounds on',
            'what no verdict separates is named together',
          ],
          'bench/report/results.test.ts': ['reads what it wrote'],
        },
      },
      {
        letter: 'G4',
        title: 'Profiles on demand',
        on: repository,
        tests: {
          'bench/run.test.ts': [
            'a whole run › --profile %s leaves a profile of a program that ends in order, and of one that a signal would kill',
          ],
        },
      },
      {
        letter: 'G5',
        title: 'A guide that turns results and requirements into a choice',
        on: repository,
        tests: { 'bench/report/choosing.test.ts': [] },
      },
    ],
  },
  {
    title: 'Examples that run',
    requirements: [
      { letter: 'H1', title: 'A URL and a port', on: repository },
      {
        letter: 'H2',
        title: 'A download of one remote file: few fields, a deadline, progress, errors of one’s own',
        on: repository,
      },
      { letter: 'H3', title: 'Mounts below a prefix, and a wildcard', on: repository },
      { letter: 'H4', title: 'Credentials added, fields changed, errors answered', on: repository },
      {
        letter: 'H5',
        title: 'A gateway with a token before separate programs',
        on: repository,
        tests: { 'examples/gateway/gateway.test.ts': [] },
      },
      { letter: 'H6', title: 'ServeMux by example', on: repository },
      { letter: 'H7', title: 'An echo that reads and writes at once', on: repository },
      {
        letter: 'H8',
        title: 'A client that uses connections again, leaves no body behind, and sees phases and deadlines',
        on: repository,
      },
    ],
  },
]

/** Tests that are in all strategies and run in some. */
export const exceptions: readonly { readonly test: string; readonly on: readonly StrategyName[] }[] = [
  { test: 'C5 programs behind fetch()', on: ['fetch-proxy'] },
  {
    test: 'F2 guarded, following redirects',
    on: ['pipe-proxy', 'reverse-proxy', 'dispatch-proxy', 'fetch-proxy'],
  },
  {
    test: 'life › B7 mounts in a server of somebody else',
    on: ['pipe-proxy', 'reverse-proxy', 'dispatch-proxy', 'fetch-proxy'],
  },
]
