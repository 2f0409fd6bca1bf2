/** A small fault, kept as data: what it changes, what that breaks, and who must see it. */

export interface Mutation {
  /** From the root. */
  readonly file: string
  /** Stands there exactly once. */
  readonly old: string
  readonly new: string
  /** What goes wrong for somebody, in a sentence. */
  readonly breaks: string
  readonly seenBy: SeenBy
}

/** The fewest and fastest tests that must fail. */
export type SeenBy = TestsOf | CasesOn

export interface TestsOf {
  /** Where vitest runs, from the root: `packages/gateway`. */
  readonly folder: string
  /** Parts of the names of test files. */
  readonly files: readonly string[]
  /** Of all their tests only those whose name matches: a regular expression, as vitest's `-t` takes it. */
  readonly name?: string
}

/** Cases of the suite against a target. */
export interface CasesOn {
  readonly target: string
  /** What their ids begin with. */
  readonly only: readonly string[]
}

export const tests = (folder: string, file: string | readonly string[], name?: string): TestsOf => ({
  folder,
  files: [file].flat(),
  ...(name !== undefined && { name }),
})

export const described = (by: SeenBy): string =>
  'target' in by
    ? `${by.only.join(', ')} on ${by.target}`
    : `${by.folder}: ${by.files.join(', ')}${by.name === undefined ? '' : `, ${by.name}`}`

export const cases = (target: string, ...only: readonly string[]): CasesOn => ({ target, only })
