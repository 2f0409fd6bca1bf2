/** What each fault is caught by. The tests beside this folder run every line of it, and demand exactly these ids. */

/** A program, the one it differs from, and what fails beyond that. */
export const beyondBase = [
  // Those that take longest begin.
  ['reuses-dirty', 'relay', ['CANC-01', 'CANC-02', 'CANC-03', 'CANC-04', 'CANC-08', 'TRUNC-08']],
  ['leaks-upstreams', 'sound', ['CANC-01', 'CANC-02', 'CANC-03', 'CANC-08', 'INFO-09']],
  ['announces-trailers', 'sound', ['TRLR-02']],
  ['answers-expect', 'sound', ['INFO-05', 'INFO-06']],
  ['buffers', 'sound', ['STRM-01', 'CANC-02', 'CANC-03', 'CANC-10']],
  ['ends-cleanly', 'sound', ['TRUNC-01', 'TRUNC-02', 'TRUNC-03', 'TRUNC-05', 'TRUNC-06']],
  ['finishes-uploads', 'sound', ['CANC-04', 'TRUNC-08']],
  ['forwards-nominated', 'sound', ['HDR-01', 'HDR-02', 'HDR-03']],
  ['ignores-backpressure', 'sound', ['STRM-01']],
] as const

/** A program, the cases it is held to, and those that fail. */
export const chosen = [
  ['drops-empty-content', ['FRAME', 'TRLR-03', 'TRLR-04'], ['FRAME-09', 'FRAME-10', 'TRLR-03']],
  [
    'forgets-uploads',
    ['FRAME', 'HDR-0', 'TRLR-04'],
    ['FRAME-01', 'FRAME-02', 'FRAME-03', 'FRAME-04', 'FRAME-10', 'TRLR-04'],
  ],
  ['hurries', ['TIME-05', 'TIME-06', 'TIME-07', 'FRAME-0'], ['TIME-05', 'TIME-06', 'TIME-07']],
  ['keeps-last-field', ['HDR'], ['HDR-07', 'HDR-08']],
  ['ignores-backpressure', ['STRM-03', 'STRM-04', 'FRAME-0'], ['STRM-03', 'STRM-04']],
  ['takes-turns', ['STRM-05', 'DUPLX-01', 'DUPLX-04', 'FRAME-0'], ['STRM-05', 'DUPLX-01', 'DUPLX-04']],
  ['reuses-dirty', ['POOL-10', 'UPG-22'], ['UPG-22', 'POOL-10']],
  ['sound', ['POOL-12', 'POOL-13'], ['POOL-12']],
  ['one-at-a-time', ['STRM-06', 'FRAME-0'], ['STRM-06']],
  [
    'sound',
    ['TIME-01', 'TIME-03', 'TIME-04', 'TIME-08', 'TRUNC-09', 'SEC-05'],
    ['TRUNC-09', 'TIME-01', 'TIME-03', 'TIME-04', 'TIME-08', 'SEC-05'],
  ],
  ['swallows-uploads', ['STRM-02', 'FRAME-0'], ['STRM-02']],
  ['hangs-up-early', ['DUPLX-02', 'FRAME-0'], ['DUPLX-02']],
] as const

const head = ['HDR', 'HOST-04', 'FWD-07', 'FWD-08', 'ERR-10']
const target = ['URI-01', 'URI-05', 'URI-09', 'URI-12', 'SEC-01', 'SEC-02']
const framing = ['FRAME-0', 'TRLR-0', 'SMUG-18', 'SMUG-19']
const upgrade = ['UPG-02', 'UPG-04', 'UPG-09', 'UPG-12', 'UPG-14']

/** A fault of `meddling`, the cases it is held to, and those that fail. */
export const meddling: readonly (readonly [
  fault: string,
  only: readonly string[],
  ids: readonly string[],
])[] = [
  ['introduces itself', head, ['HDR-11']],
  ['writes names in lower case', head, ['HDR-10']],
  ['keeps a hundred fields', ['HDR-1', 'LIMIT-01', 'LIMIT-02'], ['HDR-13', 'LIMIT-01']],
  ['writes Host anew', head, ['HOST-04']],
  ['tells of the client without quotes', ['HDR-1', 'FWD-02'], ['FWD-02']],
  ['drops Max-Forwards', head, ['FWD-08']],
  ['drops Via', head, ['FWD-07']],
  ['drops Proxy-Status', head, ['ERR-10']],

  ['shortens targets', ['LIMIT-01', 'LIMIT-02', 'URI-12'], ['LIMIT-02', 'URI-12']],
  ['drops empty queries', target, ['URI-01', 'URI-05']],
  ['shouts', target, ['URI-09']],
  ['decodes targets', target, ['URI-01', 'SEC-02']],
  ['decodes Location', target, ['SEC-02']],
  ['goes where it is told', target, ['SEC-01']],

  ['makes fields of trailers', framing, ['TRLR-04', 'SMUG-18']],
  ['drops framing that Connection nominates', framing, ['SMUG-19']],
  ['drops trailers', framing, ['TRLR-01']],
  ['chunks anew', framing, ['FRAME-05']],
  ['measures chunks', framing, ['FRAME-06', 'FRAME-09', 'TRLR-03']],

  ['makes GET of HEAD', ['NOBODY'], ['NOBODY-01']],
  ['invents a length', ['NOBODY'], ['NOBODY-09']],
  ['drops a length of nothing', ['NOBODY'], ['NOBODY-10']],
  ['waits for the content of 304', ['NOBODY'], ['NOBODY-02', 'NOBODY-05', 'NOBODY-07']],
  ['ends chunks that never began', ['NOBODY'], ['NOBODY-05']],
  ['leaves nothing unframed', ['NOBODY'], ['NOBODY-06']],
  ['hides the length of what it does not send', ['NOBODY'], ['NOBODY-07']],

  ['asks for all', ['PASS'], ['PASS-02']],
  ['drops conditions', ['PASS'], ['PASS-02', 'PASS-03']],
  ['drops the coding of an upload', ['PASS'], ['PASS-08']],
  ['has a taste of its own', ['PASS'], ['PASS-07']],
  ['drops validators', ['PASS'], ['PASS-01', 'PASS-03', 'PASS-09']],
  ['drops the coding', ['PASS', 'STRM-08'], ['STRM-08', 'PASS-01']],
  ['compresses', ['PASS'], ['PASS-06', 'PASS-07']],
  ['writes types anew', ['PASS'], ['PASS-02', 'PASS-09']],
  ['drops challenges', ['PASS'], ['PASS-10']],
  ['has pages of its own', ['PASS'], ['PASS-02', 'PASS-10', 'PASS-11']],
  ['writes ASCII', ['PASS'], ['PASS-12']],
  ['calls it 200', ['PASS'], ['PASS-02', 'PASS-04', 'PASS-13']],
  ['follows redirects', ['PASS-04', 'SEC-04'], ['PASS-04', 'SEC-04']],

  ['waits for content', ['FLUSH', 'FRAME-0'], ['FLUSH-03']],
  ['dallies upstream', ['FLUSH'], ['FLUSH-03', 'FLUSH-07', 'FLUSH-08']],
  ['dallies downstream', ['FLUSH'], ['FLUSH-01', 'FLUSH-02', 'FLUSH-04', 'FLUSH-05', 'FLUSH-06', 'FLUSH-08']],
  ['insists on 100', ['INFO'], ['INFO-07']],
  ['has only final responses', ['INFO'], ['INFO-01', 'INFO-02']],
  ['waits for trailers that were announced', ['TRLR-0'], ['TRLR-06', 'TRLR-07']],
  ['resolves paths', ['URI-02'], ['URI-02']],
  ['calls it HTTP/1.1', ['HOST-03'], ['HOST-03']],
  ['carries text alone', ['UPG-15'], ['UPG-15']],
  ['forgets what came behind an upgrade', ['UPG-19'], ['UPG-19']],
  ['answers when it was asked', ['DUPLX-01', 'FRAME-0'], ['DUPLX-01']],
  ['sends the rest elsewhere', ['DUPLX-03', 'DUPLX-07'], ['DUPLX-03', 'DUPLX-07']],

  ['agrees too soon', upgrade, ['UPG-02', 'UPG-04', 'UPG-12']],
  ['knows only WebSocket', upgrade, ['UPG-09', 'UPG-14']],
  ['understands nothing after Upgrade', upgrade, ['UPG-12']],
  ['hurries', ['UPG-16'], ['UPG-16']],
  ['waits for what it has asked for', ['UPG-07', 'UPG-20'], ['UPG-07', 'UPG-20']],

  ['dials for every request', ['POOL-01', 'POOL-13', 'FRAME-0'], ['POOL-01', 'POOL-13']],
  ['asks again, whatever it was', ['POOL-0', 'POOL-1'], ['POOL-04']],
  ['does not notice that the origin has left', ['POOL-05', 'UPG-07'], ['UPG-07', 'POOL-05']],
  ['asks for one thing at a time', ['POOL-01', 'POOL-11'], ['POOL-11']],
  ['remembers everything', ['STRM-09'], ['STRM-09']],
]

/** A fault of `over-h2`. */
export const overHttp2 = [
  ['relays what is nominated', ['H2-01']],
  ['ends what was cut off', ['H2-02']],
  ['leaves the origin alone', ['H2-02', 'H2-05', 'H2-16']],
  ['has only final responses', ['H2-03', 'H2-14']],
  ['forgets uploads', ['H2-02', 'H2-06', 'H2-14', 'H2-16', 'H2-20']],
  ['serves CONNECT', ['H2-07']],
  ['knows one status', ['H2-08', 'H2-14', 'H2-21']],
  ['ends the connection', ['H2-09']],
  ['says HTTP/1.1', ['H2-10']],
  ['resets what HTTP/2 forbids', ['H2-12']],
  ['ends with large heads', ['H2-13']],
  ['says 100 by itself', ['H2-14']],
  ['ends with what it does not expect', ['H2-15']],
  ['keeps what a client does not read', ['H2-16']],
  ['keeps what the origin does not read', ['H2-16']],
  ['serves nothing while a stream stalls', ['H2-03', 'H2-16']],
  ['leaves without a word', ['H2-17']],
  ['refuses with its first word', ['H2-17']],
  ['relays trailers as they are', ['H2-20']],
  ['lends logins', ['H2-21']],
  ['keeps every interim response', ['H2-22']],
] as const

/** `frames`, which copies what it reads. */
export const copying: readonly string[] = ['H2-04', 'H2-05', 'H2-11', 'H2-18']

/** `over-h2` without a fault: HTTP/2 of Node.js hears nothing after its first GOAWAY. */
export const leaving: readonly string[] = ['H2-19']

/** `meddling` that says that all went well. */
export const logging: readonly string[] = ['ERR-06', 'OBS-01', 'OBS-02']

/** `meddling` without a fault, which relays and does nothing else. */
export const needUnderstanding: readonly string[] = [
  'FRAME-07',
  'FRAME-08',
  'FRAME-11',
  'HDR-01',
  'HDR-02',
  'HDR-03',
  'HDR-05',
  'HDR-06',
  'HDR-12',
  'CANC-07',
  'CANC-09',
  'INFO-08',
  'INFO-10',
  'UPG-01',
  'UPG-03',
  'UPG-06',
  'UPG-08',
  'UPG-10',
  'UPG-11',
  'UPG-13',
  'UPG-17',
  'UPG-18',
  'UPG-21',
  'NOBODY-03',
  'NOBODY-08',
  'PASS-05',
  'DUPLX-06',
  'SMUG-01',
  'SMUG-02',
  'SMUG-03',
  'SMUG-04',
  'SMUG-05',
  'SMUG-06',
  'SMUG-07',
  'SMUG-08',
  'SMUG-09',
  'SMUG-10',
  'SMUG-11',
  'SMUG-13',
  'SMUG-14',
  'SMUG-15',
  'SMUG-16',
  'SMUG-17',
  'SMUG-20',
  'SMUG-21',
  'SMUG-22',
  'SMUG-23',
  'LIMIT-04',
  'LIMIT-05',
  'LIMIT-06',
  'LIMIT-07',
  'LIMIT-08',
  'LIMIT-09',
  'LIMIT-10',
  'LIMIT-11',
  'LIMIT-12',
  'POOL-02',
  'POOL-03',
  'POOL-09',
  'FWD-01',
  'FWD-04',
  'FWD-05',
  'FWD-06',
  'FWD-09',
  'FWD-10',
  'URI-03',
  'URI-04',
  'URI-06',
  'URI-07',
  'URI-10',
  'URI-11',
  'URI-13',
  'HOST-01',
  'HOST-02',
  'ERR-01',
  'ERR-02',
  'ERR-03',
  'ERR-04',
  'ERR-05',
  'ERR-08',
  'ERR-09',
  'ERR-11',
  'ERR-12',
  'ERR-13',
  'ERR-14',
  'ERR-15',
  'SEC-03',
  'SEC-06',
]

/** `tries-one-address`, of two of which one answers. */
export const oneAddress: readonly string[] = ['TIME-02']
