import type { ListedTarget, StartOptions } from '@relayrace/fixtures/target'
import { findTarget } from '@relayrace/fixtures/targets'
import { expect, test } from 'vitest'
import { readers, withBuffer } from './buffers.ts'

test('the program is told the size, after whatever else it is told', async () => {
  const told: (StartOptions | undefined)[] = []
  const start: ListedTarget['start'] = async (_, options) => {
    told.push(options)
    throw new Error('not to be started')
  }
  const target = withBuffer({ ...findTarget('duplex-server'), start }, 131_072)
  const options = { args: ['--log'] } as StartOptions
  await expect(target.start(new URL('http://127.0.0.1:1'), options)).rejects.toThrow('not to be started')
  expect(told).toEqual([{ args: ['--log', '--read-buffer', '131072'] }])
})

test.each(readers)('%s takes it', async (name) => {
  await using running = await withBuffer(findTarget(name), 131_072).start(new URL('http://127.0.0.1:1'))
  expect(running.url.protocol).toBe('http:')
})
