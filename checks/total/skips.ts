/** The tests that are skipped where everything is installed, each with its reason. Any other skip in CI is a failure. */

export interface Skip {
  /** Of the file and the name of the test, as `npm test` writes them. */
  readonly test: RegExp
  readonly why: string
  /** It depends on the machine whether it is skipped. */
  readonly perhaps?: true
}

const strategy =
  '^packages/(?:pipe-proxy|reverse-proxy|dispatch-proxy|fetch-proxy|duplex-server)/test/conformance.test.ts: .*'

export const skips: readonly Skip[] = [
  {
    test: new RegExp(`${strategy} (?:POOL-08|OBS-03) `),
    why: 'nobody can judge it from outside; packages/promises/src/unseen.ts does',
  },
  {
    test: /^packages\/(?:pipe|reverse|dispatch|fetch)-proxy\/test\/conformance.test.ts: .* H2-(?:11|19) /,
    why: 'declared in fixtures/deviations.ts',
  },
  {
    test: /^packages\/(?:dispatch|fetch)-proxy\/test\/conformance.test.ts: .* (?:INFO-02|POOL-01) /,
    why: 'declared in fixtures/deviations.ts',
  },
  {
    test: /^packages\/duplex-server\/test\/conformance.test.ts: .* H2-\d+ /,
    why: 'duplex-server speaks HTTP/1.1 only',
  },
  {
    test: /^packages\/programs\/test\/.*: .* is started, sees no prefix, and streams$/,
    why: 'the language is not installed',
    perhaps: true,
  },
  {
    test: /^packages\/(?:router|relayrace)\/test\/.*: .*(?:by Redis|until Redis .*)$/,
    why: 'there is no redis-server',
    perhaps: true,
  },
  {
    test: /^packages\/fetch-proxy\/test\/runtimes.test.ts: .*A1–A9 /,
    why: 'there is no Bun or no Deno',
    perhaps: true,
  },
  {
    test: /^examples\/gateway\/gateway.test.ts: .* WebSocket, events one by one, and a large download$/,
    why: 'a language is not installed',
    perhaps: true,
  },
  {
    test: /^packages\/duplex-server\/test\/.*: .*B7 mounts in a server of somebody else$/,
    why: 'it has no handler for node:http',
    perhaps: true,
  },
  {
    test: /^fixtures\/targets\/targets.test.ts: .* serves what the origin has/,
    why: 'a peer that could not be installed; one that CI has installed fails there',
    perhaps: true,
  },
  {
    test: /^bench\/ceilings\/.*: .*cgroup-v[12]/,
    why: 'the machine has control groups of the other version, or none that may be written',
    perhaps: true,
  },
  {
    test: /^checks\/site.test.ts: in a browser /,
    why: 'the site is not built, or there is no Chromium',
    perhaps: true,
  },
]
