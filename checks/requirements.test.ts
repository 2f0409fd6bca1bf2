import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { root } from './workspace.ts'

const letters = [
  ...readFileSync(path.join(root, 'docs/requirements.md'), 'utf8').matchAll(/^\| ([A-Z]\d) \|/gm),
].map(([, letter = '']) => letter)

/** The first words of what is described or tested. */
const titles = globSync('packages/*/test/*.ts', { cwd: root }).flatMap((file) =>
  [...readFileSync(path.join(root, file), 'utf8').matchAll(/^\s*(?:[^/*\n]*\()?['`]([A-Z]\d) /gm)].map(
    ([, letter = '']) => letter,
  ),
)

test('the requirements are there', () => {
  expect(letters.length).toBeGreaterThan(20)
  expect(new Set(letters).size).toBe(letters.length)
})

test.each(letters)('%s has a test whose title begins with it', (letter) => {
  expect(titles).toContain(letter)
})
