import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { origin } from './stage.ts'

test('neither a check that hangs, nor a list that is looked for, keeps a process alive', async () => {
  const hanging = await origin()
  const code = `
    import { createUpstreams, fromFile } from ${JSON.stringify(new URL('../src/index.ts', import.meta.url).href)}
    const upstreams = createUpstreams(fromFile(${JSON.stringify(fileURLToPath(import.meta.url))}))
    const checked = createUpstreams([${JSON.stringify(hanging.url.origin)}], { checks: { timeout: 100_000 } })
    process.once('message', () => process.disconnect())
    process.send(checked.state().name)
  `
  const child = spawn(process.execPath, ['--input-type=module-typescript', '--eval', code], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  const ended = once(child, 'exit')
  await once(child, 'message')
  await hanging.request({ within: 30_000 })
  child.send('that is all')
  expect(await ended).toEqual([0, null])
})
