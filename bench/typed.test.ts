import { expect, test } from 'vitest'
import { argsOf, typed } from './typed.ts'

test.each([
  [['--seed', '5', '-t', 'a,b']],
  [['--command', "mine='x y' {port} -e \"console.log('a')\""]],
  [['--command', "it's"]],
])('what is read from a command is what was typed: %j', (args) => {
  expect(argsOf(typed(args))).toEqual(args)
})

test('another command is none of ours', () => {
  expect(() => argsOf('rm -rf x')).toThrow(/no command of the bench/)
})
