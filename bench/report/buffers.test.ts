/** What decisions 7 and 10 say of buffer sizes, held to the results that they name. */

import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { parseResults } from './results.ts'
import { summarize } from './summary.ts'

const folder = new URL('../results/read-buffers/', import.meta.url)
const [newest = ''] = readdirSync(folder).toSorted().reverse()
const { scenarios } = summarize(parseResults(readFileSync(new URL(`${newest}/results.json`, folder), 'utf8')))

function figure(scenario: string, target: string, metric: string): number {
  const rows = scenarios.find(({ record }) => record.name === scenario)?.rows ?? []
  return rows.find((row) => row.target.name === target)?.cells.get(metric)?.median ?? Number.NaN
}
const cpu = (target: string): number => figure('parallel', target, 'cpuPerGiB')
const memory = (target: string): number => figure('parallel', target, 'peakMemory')

test.each(['duplex-server', 'pipe-proxy'])('of eight downloads at a time %s gains up to 1 MiB', (name) => {
  const sizes = ['64KiB', '128KiB', '256KiB', '512KiB', '1MiB'].map((size) => cpu(`${name}-${size}`))
  expect(sizes).toEqual(sizes.toSorted((a, b) => b - a))
  expect(sizes).not.toContain(Number.NaN)
})

test.each(['duplex-server', 'pipe-proxy'])('beyond 1 MiB %s gains nothing and holds more', (name) => {
  expect(cpu(`${name}-4MiB`)).toBeGreaterThan(0.98 * cpu(`${name}-1MiB`))
  expect(memory(`${name}-4MiB`)).toBeGreaterThan(memory(`${name}-1MiB`))
})
