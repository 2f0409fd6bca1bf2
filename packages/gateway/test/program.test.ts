/** What a program says about itself, and what it refuses before it listens. */

import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { fileURLToPath } from 'node:url'
import { certificates } from '@relayrace/fixtures/certificates'
import { describe, expect, test } from 'vitest'
import { file, strategies } from './programs.ts'

const home = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url))

interface Said {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** One that listens all the same is ended, and has no code. */
function run(name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Said {
  const { status, stdout, stderr } = spawnSync(process.execPath, [`${home(name)}/src/main.ts`, ...args], {
    env: { UPSTREAM: 'http://127.0.0.1:9', ...env },
    encoding: 'utf8',
    timeout: 10_000,
  })
  return { code: status, stdout, stderr }
}

describe.each(strategies)('%s', (name) => {
  const { version } = JSON.parse(readFileSync(`${home(name)}/package.json`, 'utf8')) as { version: string }

  test('--version prints its version and starts nothing', () => {
    const said = run(name, ['--version'])
    expect(said).toEqual({ code: 0, stdout: `${name} ${version}\n`, stderr: '' })
  })

  test.each(['--help', '-h'])('%s prints what there is and starts nothing', (flag) => {
    const { code, stdout, stderr } = run(name, [flag], { WORKERS: '2' })
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
    expect(stdout).toMatch(/^Usage: .*--timeouts\.idle /s)
  })
})

describe('a program refuses', () => {
  test.each<[text: string, args: readonly string[], env: NodeJS.ProcessEnv, reason: string]>([
    [
      'a flag that there is not, naming the nearest',
      ['--timeouts.idel', '4'],
      {},
      "Unknown option '--timeouts.idel'. Did you mean --timeouts.idle? See --help",
    ],
    ['a flag like no other', ['--nonsense'], {}, "Unknown option '--nonsense'. See --help"],
    ['an argument', ['--', 'x'], {}, "Unexpected argument 'x'. See --help"],
    ['a flag without its value', ['--grace'], {}, "Option '--grace <value>' argument missing. See --help"],
    ['a negative time', ['--grace', '-1'], {}, "Option '--grace' argument is ambiguous. See --help"],
    ['a value for a switch', ['--log=x'], {}, "Option '--log' does not take an argument. See --help"],
    [
      'a time that is none',
      ['--timeouts.idle', '5s'],
      {},
      '--timeouts.idle takes a whole number or Infinity, not "5s"',
    ],
    ['a pool of none', ['--pool.connections', '0'], {}, 'pool.connections must be 1 or more: 0'],
    [
      'no upstream',
      [],
      { UPSTREAM: '' },
      'set UPSTREAM to the origin, such as UPSTREAM=http://127.0.0.1:9000',
    ],
    [
      'an upstream that is no URL',
      [],
      { UPSTREAM: 'a b' },
      'The upstream is not a URL: "a b"; such as "http://127.0.0.1:9000"',
    ],
    ['no workers', [], { WORKERS: '0' }, 'WORKERS must be a whole number from 1 to 1024, not "0"'],
    ['a port that is none', [], { PORT: '80a' }, 'PORT must be a whole number from 0 to 65535, not "80a"'],
    [
      'an empty host, which would be every address',
      [],
      { HOST: '' },
      'HOST must be an address or a name to listen on, not empty',
    ],
  ])('%s', (_, args, env, reason) => {
    expect(run('pipe-proxy', args, env)).toEqual({ code: 2, stdout: '', stderr: `pipe-proxy: ${reason}\n` })
  })

  test('a port that somebody has, saying what to do', async () => {
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const { port } = taken.address() as AddressInfo
    const { code, stderr } = run('pipe-proxy', [], { PORT: `${port}` })
    taken.close()
    expect({ code, lines: stderr.split('\n').length }).toEqual({ code: 2, lines: 2 })
    expect(stderr).toContain(`127.0.0.1:${port}; somebody listens there: end that, or take another port`)
  })

  test('files of TLS that are none, naming them', async () => {
    const { server, wrongHost } = await certificates()
    const [nothing, cert, key] = await Promise.all(['nothing', server.cert, wrongHost.key].map(file))
    for (const [args, reason] of [
      [['--upstream-tls.ca', nothing], `--upstream-tls.ca ${nothing}: `],
      [['--upstream-tls.cert', cert, '--upstream-tls.key', key], `${cert} with ${key}: `],
      [['--tls.cert', cert, '--tls.key', key], `${cert} with ${key}: `],
    ] as [string[], string][]) {
      const { code, stderr } = run('pipe-proxy', args)
      expect({ code, lines: stderr.split('\n').length }).toEqual({ code: 2, lines: 2 })
      expect(stderr).toContain(`pipe-proxy: ${reason}`)
    }
  })
})
