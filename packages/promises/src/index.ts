/** Everything that a strategy keeps inside a program, but for what needs a process to itself: those are exports of their own. */

import type { Strategy } from '@relayrace/gateway'
import { earlyAnswersTo } from './early.ts'
import { guardPromisesOf } from './guarded.ts'
import { hooksOf } from './hooks.ts'
import { totalsOf } from './pools.ts'
import { replaysOf } from './replays.ts'
import { repliesOf } from './replies.ts'
import { requirementsOf } from './required.ts'
import { routesOf } from './routes.ts'
import { securedBy } from './secured.ts'
import { promisesOf } from './strategy.ts'
import { transformsOf } from './transforms.ts'
import { unseenOf } from './unseen.ts'
import { watchedPromisesOf } from './watched.ts'
import { writtenFor } from './written.ts'

export function promise(create: Strategy): void {
  promisesOf(create)
  requirementsOf(create)
  routesOf(create)
  repliesOf(create)
  securedBy(create)
  transformsOf(create)
  replaysOf(create)
  totalsOf(create)
  guardPromisesOf(create)
  hooksOf(create)
  earlyAnswersTo(create)
  watchedPromisesOf(create)
  unseenOf(create)
  writtenFor(create)
}
