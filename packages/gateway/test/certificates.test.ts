import type { SecureContext } from 'node:tls'
import { certificates } from '@relayrace/fixtures/certificates'
import { expect, onTestFinished, test } from 'vitest'
import { CertificateFiles } from '../src/application.ts'
import { files } from './programs.ts'

const { server, wrongHost, selfSigned } = await certificates()

const contextOf = ({ tls }: CertificateFiles, name: string): Promise<SecureContext | undefined> =>
  new Promise((resolve) => tls.SNICallback?.(name, (_, context) => resolve(context)))

/** Resolves with what became of the next reading. */
function nextReading(watched: CertificateFiles): Promise<Error | undefined> {
  return new Promise((resolve) => {
    onTestFinished(watched.watch(resolve))
  })
}

test('the files of a name are read again when only they have changed', async () => {
  const [main, named] = [await files(server), await files(wrongHost)]
  const all = new CertificateFiles(main, new Map([['elsewhere.invalid', named]]))
  const before = await contextOf(all, 'elsewhere.invalid')
  const reading = nextReading(all)
  await named.replace(selfSigned)
  expect(await reading).toBeUndefined()
  expect(await contextOf(all, 'elsewhere.invalid')).not.toBe(before)
})

test.each(['main', 'named'] as const)(
  'so are the %s ones that changed before anybody looked',
  async (changed) => {
    const pairs = { main: await files(server), named: await files(wrongHost) }
    const all = new CertificateFiles(pairs.main, new Map([['elsewhere.invalid', pairs.named]]))
    const before = await contextOf(all, 'elsewhere.invalid')
    await pairs[changed].replace(selfSigned)
    expect(await nextReading(all)).toBeUndefined()
    expect(await contextOf(all, 'elsewhere.invalid')).not.toBe(before)
  },
)
