import { readFile } from 'node:fs/promises'
import { startBulkOrigin } from '@relayrace/fixtures/origin'
import { findTarget } from '@relayrace/fixtures/targets'
import { expect, test } from 'vitest'
import { takeSample } from './sample.ts'
import { scenarios } from './scenarios/index.ts'
import type { Scenario } from './scenarios/scenario.ts'
import { startOptions, unable } from './ways.ts'

const named = (name: string): Scenario => scenarios.find((one) => one.name === name) as Scenario
const direct = findTarget('direct')

test('who cannot be started as a scenario needs it has a known limit there, and nowhere else', () => {
  const known = unable([direct, findTarget('pipe-proxy')], [named('download'), named('tls-download')])
  expect(known).toEqual([
    { target: 'direct', scenario: 'tls-download', why: 'is not set up here to speak TLS with clients' },
  ])
})

test('it is not asked', async () => {
  await using origin = await startBulkOrigin()
  const setting = { origin, scaleOf: ({ scales }: Scenario) => scales.smoke, pinning: undefined }
  const { problems } = await takeSample(direct, named('tls-download'), setting, new AbortController().signal)
  expect(problems).toEqual({ 'not asked': 1 })
})

test('all that speak TLS in a run show the same certificate', async () => {
  const [one, other] = [await startOptions(named('tls-upload')), await startOptions(named('tls-download'))]
  expect(one.tls).toEqual(other.tls)
  expect(await readFile(one.tls?.cert ?? '', 'utf8')).toContain('BEGIN CERTIFICATE')
})
