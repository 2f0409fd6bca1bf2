import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const hook = new URL('replaced-buffers.ts', import.meta.url)
const sources = new URL('../packages/gateway/src/', import.meta.url)

const sizeIn = async (file: string, env: NodeJS.ProcessEnv): Promise<string> => {
  const script = `import(${JSON.stringify(new URL(file, sources).href)}).then(({ largeSize }) => console.log(largeSize))`
  const args = [`--import=${hook}`, '--eval', script]
  return (
    await promisify(execFile)(process.execPath, args, { env: { ...process.env, ...env } })
  ).stdout.trim()
}

test('the size that was asked for is in force', async () => {
  expect(await sizeIn('node/buffers.ts', { READ_BUFFER: '3072' })).toBe('3072')
})
