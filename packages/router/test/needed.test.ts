import { expect, test } from 'vitest'
import { needed } from '../src/middleware/needed.ts'

test('who has not installed a library is told which, and what for', async () => {
  const name = '@relayrace/no-such-library'
  await expect(needed(import(name), name, 'jwt')).rejects.toThrow(
    `@relayrace/router/jwt needs ${name}: npm install ${name}`,
  )
})

test('a library that fails is not called missing', async () => {
  const broken = new SyntaxError('broken')
  await expect(needed(Promise.reject(broken), 'jose', 'jwt')).rejects.toBe(broken)
})
