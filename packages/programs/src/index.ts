/** Services in any language behind a gateway: started, watched, restarted, replaced and stopped. */

export { askAgain } from './again.ts'
export { type InstanceStatus, ProgramError, type ProgramLine } from './instance.ts'
export type { Restart } from './place.ts'
export {
  type InstanceState,
  type Program,
  type ProgramOptions,
  type ProgramState,
  type ProgramStatus,
  program,
  type Stop,
} from './program.ts'
export type { Ready } from './ready.ts'
