import { describe, expect, onTestFinished, test } from 'vitest'
import { askAgain } from '../../programs/src/index.ts'
import { programsOf } from '../../programs/test/behind.ts'
import { node, stage } from '../../programs/test/stage.ts'
import { createFetchProxy } from '../src/index.ts'

programsOf(createFetchProxy)

describe('C5 programs behind fetch()', () => {
  test('are free again once an exchange has ended, if askAgain stands around it', async () => {
    const { app } = stage(node)
    const gateway = createFetchProxy({ upstream: app.upstream, transport: askAgain })
    onTestFinished(() => gateway.close(0))
    const response = await gateway.fetch(new Request('http://a/hello'))
    expect(await response.json()).toMatchObject({ language: 'node', path: '/hello' })
    await expect.poll(() => app.state().instances[0]?.inFlight).toBe(0)
  })
})
