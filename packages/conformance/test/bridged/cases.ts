/** A case for each fate that a test can have. */

import { fileURLToPath } from 'node:url'
import { startProgram } from '@relayrace/fixtures/target'
import { type Case, check, get, reply } from '../../src/index.ts'
import { conformance } from '../../src/vitest.ts'

const plain = { rule: 'ours', title: 'is an example', deliveries: ['coalesced'] } as const

const one = (id: string, level: Case['level'], run: Case['run']): Case => ({ ...plain, id, level, run })

const fails = async (): Promise<void> => check(false, 'it fails')

conformance(
  {
    name: 'dies',
    start: (upstream, options) =>
      startProgram(
        {
          argv: [process.execPath, fileURLToPath(new URL('../broken/dies.ts', import.meta.url))],
          env: { PORT: '0', UPSTREAM: upstream.href },
        },
        options,
      ),
  },
  {
    level: 'SHOULD',
    deviations: { 'KNOWN-01': 'known', 'OVERCOME-01': 'not any more' },
    cases: [
      one('MUST-01', 'MUST', fails),
      one('SHOULD-01', 'SHOULD', fails),
      one('MAY-01', 'MAY', fails),
      // It dies of a Trailer field.
      one('CRASH-01', 'MAY', async ({ exchange }) => {
        await exchange(get('/'), reply('ok', 'Trailer: X'))
      }),
      one('FAULT-01', 'MAY', async () => {
        throw new TypeError('a fault of the case')
      }),
      one('KNOWN-01', 'MUST', fails),
      one('OVERCOME-01', 'MUST', async () => {}),
      one('PASS-01', 'MUST', async () => {}),
    ],
  },
)
