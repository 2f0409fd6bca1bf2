import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { ConfigError, configSchema, parseConfig } from '../src/config.ts'
import { readConfig } from '../src/read.ts'

async function file(name: string, text: string): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'relayrace-'))
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const place = path.join(folder, name)
  await writeFile(place, text)
  return place
}

const hashOfNothing = createHash('sha256').digest('hex')

/** Ten times ten times ten … */
const laughs = `a: &a [${'x,'.repeat(10)}]\n${[...'bcdefg']
  .map((name, i) => `${name}: &${name} [${`*${'abcdef'[i]},`.repeat(10)}]\n`)
  .join('')}upstream: http://a`

describe('a configuration is read from', () => {
  test.each([
    [
      'relayrace.yaml',
      'upstream: http://127.0.0.1:9000\ntimeouts: { total: 1.5s, drain: .inf }\nlimits: { requestBody: 10MiB }',
    ],
    [
      'relayrace.json',
      '{"upstream":"http://127.0.0.1:9000","timeouts":{"total":1500,"drain":"Infinity"},"limits":{"requestBody":10485760}}',
    ],
    [
      'relayrace.ts',
      'export default { upstream: "http://127.0.0.1:9000", timeouts: { total: "1500ms", drain: Infinity }, limits: { requestBody: "10240KiB" } }',
    ],
  ])('%s', async (name, text) => {
    expect(await readConfig(await file(name, text))).toMatchObject({
      upstream: 'http://127.0.0.1:9000',
      timeouts: { total: 1_500, drain: Number.POSITIVE_INFINITY },
      limits: { requestBody: 10 * 1024 ** 2 },
    })
  })

  test.each<[string, string, RegExp]>([
    [
      'a token that is not hashed',
      'upstream: http://a\nmiddleware:\n  - tokens: { ci: mysecret }',
      /relayrace\.yaml:3: middleware\[0\]\.tokens\.ci: write the hash .*relayrace hash/,
    ],
    [
      'a password that is not hashed',
      'upstream: http://a\nmiddleware:\n  - basic: { ann: mysecret }',
      /relayrace\.yaml:3: middleware\[0\]\.basic\.ann: write the hash .*relayrace hash --password/,
    ],
    [
      'the hash of nothing',
      `upstream: http://a\nmiddleware:\n  - tokens: { ci: ${hashOfNothing} }`,
      /relayrace\.yaml:3: middleware\[0\]: The token ci is the hash of nothing/,
    ],
    [
      'a middleware that there is not',
      'upstream: http://a\nmiddleware:\n  - token: { ci: a }',
      /relayrace\.yaml:3: middleware\[0\]\.token: there is no such option; did you mean tokens\?/,
    ],
    [
      'a network that is none',
      'routes:\n  - path: /a/\n    to: http://a\n    middleware:\n      - allow: [10.0.0.0/99]',
      /relayrace\.yaml:5: routes\[0\]\.middleware\[0\]: Not an address/,
    ],
    [
      'a route that no request can take',
      'routes:\n  - path: /a/../b\n    to: http://a',
      /relayrace\.yaml:2: routes\[0\]: Route \/a\/\.\.\/b: no request has this path/,
    ],
    [
      'a URL that nobody can ask',
      'upstream: ftp://a',
      /relayrace\.yaml:1: upstream: The upstream must be an http: or https: URL/,
    ],
    [
      'a certificate that is not there',
      'upstream: http://a\nlisten:\n  tls: { cert: none.pem, key: none.key }',
      /relayrace\.yaml:3: listen\.tls: .*none\./,
    ],
    [
      'a pseudonym that cannot stand in Via',
      'upstream: http://a\npseudonym: a b',
      /relayrace\.yaml:2: pseudonym: Option pseudonym has to be a token/,
    ],
    [
      'a strategy that cannot stand beside others',
      'routes:\n  - path: /\n    to: http://a\n    strategy: duplex-server',
      /relayrace\.yaml:2: routes\[0\]: duplex-server reads the socket itself/,
    ],
    [
      'two routes that are one',
      'routes:\n  - { path: /, to: "http://a" }\n  - { path: /, to: "http://b" }',
      /relayrace\.yaml:2: routes: /,
    ],
    [
      'an option that there is not',
      'upstream: http://a\nstratgy: x',
      /relayrace\.yaml:2: stratgy: .*did you mean strategy\?/,
    ],
    [
      'one inside of a route',
      'routes:\n  - path: /\n    too: http://a\n    to: http://a',
      /relayrace\.yaml:3: routes\[0\]\.too: .*did you mean to\?/,
    ],
    [
      'a duration that is none',
      'upstream: http://a\ntimeouts:\n  total: soon',
      /relayrace\.yaml:3: timeouts\.total: write .*'30s'/,
    ],
    [
      'a strategy that there is not',
      'upstream: http://a\nstrategy: fast',
      /relayrace\.yaml:2: strategy: .*pipe-proxy/,
    ],
    [
      'an upstream that there is not',
      'upstreams: { users: { endpoints: [http://a] } }\nupstream: user',
      /relayrace\.yaml:2: upstream: .*did you mean users\?/,
    ],
    [
      'a path without a slash',
      'routes:\n  - { path: api, to: http://a }',
      /relayrace\.yaml:2: routes\[0\]\.path: begin with a slash/,
    ],
    [
      'a route to nowhere',
      'routes:\n  - { path: / }',
      /relayrace\.yaml:2: routes\[0\]: a route has either to .* or reply/,
    ],
    ['nothing', '{}', /say where requests go: upstream, or routes/],
    ['what is no YAML', 'upstream: [', /relayrace\.yaml:1: /],
    ['an alias of nothing', 'upstream: *a', /relayrace\.yaml: Unresolved alias .*: a/],
    ['aliases of aliases', laughs, /relayrace\.yaml: Excessive alias count/],
    [
      'a program with the name of a set',
      'upstream: a\nupstreams: { a: { endpoints: [http://a] } }\nprograms: { a: { command: a } }',
      /relayrace\.yaml:3: programs\.a: one of upstreams has that name as well/,
    ],
    [
      'a reply with a field that no answer can have',
      'routes:\n  - { path: /, reply: { status: 200, fields: { A: "b\\r\\nC: d" } } }',
      /relayrace\.yaml:2: routes\[0\]\.reply\.fields\.A: a value is printable ASCII/,
    ],
    [
      'a Redis that is nowhere',
      'upstream: http://a\nmiddleware: [{ rateLimit: { limit: 1, redis: "redis://:::" } }]',
      /relayrace\.yaml:2: middleware\[0\]\.rateLimit\.redis: no host has that name/,
    ],
  ])('%s, and the error names line and mend', async (_, text, expected) => {
    const failure = await readConfig(await file('relayrace.yaml', text)).catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(ConfigError)
    expect((failure as Error).message).toMatch(expected)
  })

  test('several faults are told at once, a line each', async () => {
    const failure = readConfig(await file('relayrace.yaml', 'upstream: http://a\nworkers: 0\nlog: loud'))
    await expect(failure).rejects.toThrow(/:2: workers.*\n.*:3: log/)
  })

  test('in the order of their lines', async () => {
    const failure = readConfig(await file('relayrace.yaml', 'upsteam: http://a\nlog: loud'))
    await expect(failure).rejects.toThrow(/^relayrace\.yaml:1: upsteam.*\n.*:2: log/)
  })

  test('whatever a configuration in TypeScript throws', async () => {
    await expect(readConfig(await file('relayrace.ts', 'throw null'))).rejects.toThrow('relayrace.ts: null')
  })

  test('a file that is not there', async () => {
    await expect(readConfig('/nowhere/relayrace.yaml')).rejects.toThrow('there is no such file')
  })
})

test('the schema for editors names every option, and takes durations in both ways', () => {
  const { properties } = configSchema() as { properties: Record<string, object> }
  expect(Object.keys(properties)).toEqual(
    expect.arrayContaining(['listen', 'routes', 'upstreams', 'timeouts']),
  )
  expect(JSON.stringify(properties.timeouts)).toContain('"responseHead"')
})

test('a configuration of a program is checked like that of a file', () => {
  expect(() => parseConfig({ upstream: 'nowhere' })).toThrow(
    'upstream: neither a URL nor one of upstreams or programs: nowhere; such as http://127.0.0.1:9000',
  )
})
