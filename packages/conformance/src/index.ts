/** Holds an HTTP/1.1 gateway to the standards, from outside. */

export { command, started } from '@relayrace/fixtures/command'
export type { Capability, Running, StartOptions, Target } from '@relayrace/fixtures/target'
export { Missed, quietly } from '@relayrace/fixtures/wire'
export type { Case, Level, Run, Setup, Stage, Variants } from './case.ts'
export { chunked, chunks, each, get, head, reply } from './case.ts'
export { cases } from './cases/index.ts'
export {
  answered,
  check,
  complete,
  equal,
  Failed,
  inOrder,
  lacks,
  refused,
  truncated,
  values,
} from './expect.ts'
export {
  isFailure,
  type Report,
  type Result,
  type RunOptions,
  run,
  type VariantResult,
  type Verdict,
} from './run.ts'
