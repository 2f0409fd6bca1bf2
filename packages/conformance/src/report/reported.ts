/** Failures of other people's software that its maintainers can read about in public, by target and case. */

export const reported: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'http-proxy': {
    'FRAME-03': 'http-party/node-http-proxy#1721',
    'CANC-01': 'http-party/node-http-proxy#1586',
    'CANC-02': 'http-party/node-http-proxy#1586',
    'TRLR-07': 'http-party/node-http-proxy#1647',
  },
  'go-reverseproxy': {
    'DUPLX-01': 'golang/go#40747',
    'INFO-08': 'golang/go#80875',
    'UPG-03': 'golang/go#80875',
    'UPG-10': 'golang/go#80416',
  },
}
