import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { startBulkOrigin } from '@relayrace/fixtures/origin'
import { expect, test } from 'vitest'

const run = fileURLToPath(new URL('../run.ts', import.meta.url))

/** What it says of each. */
async function ask(targets: readonly string[], env: Record<string, string> = {}): Promise<string[]> {
  await using origin = await startBulkOrigin()
  const urls = targets.map((target) => new URL(target, origin.url).href)
  const argv = [run, 'client', ...urls]
  const { stdout, stderr } = await promisify(execFile)(process.execPath, argv, {
    env: { ...process.env, ...env },
  })
  return (stdout + stderr).trim().split('\n')
}

test('H8 a body that is read to its end leaves a connection that is used again', async () => {
  const [first, second] = await ask(['/bytes/10', '/bytes/20'])
  expect(first).toMatch(/^200 10 bytes over a new connection: connect \d+ ms head \d+ ms/)
  expect(second).toMatch(/^200 20 bytes over a used connection: head \d+ ms body \d+ ms$/)
})

test('H8 one that is not wanted is not read, at the cost of its connection', async () => {
  const [first, second] = await ask(['/missing', '/bytes/20'])
  expect(first).toMatch(/^404 0 bytes over a new connection:/)
  expect(second).toMatch(/^200 20 bytes over a new connection:/)
})

test.each([
  ['head', '/bytes/1?delay=60000', 'head'],
  ['body', '/bytes/1MiB?pace=1000', 'body'],
])('H8 a deadline says which phase it has met: %s', async (_, target, phase) => {
  const [said] = await ask([target], { DEADLINE: '300' })
  expect(said).toMatch(new RegExp(`^too late in ${phase}, after connect \\d+ ms`))
})
