/** Everything a load generator can do. */

import { arrivalsLoad } from './arrivals.ts'
import { echoes } from './echo.ts'
import { liveEvents } from './events.ts'
import { idleConnections } from './idle.ts'
import { webSockets } from './messages.ts'
import { smallRequests } from './requests.ts'
import { saturation } from './saturate.ts'
import { downloads, stalls } from './sink.ts'
import { slowReaders } from './slow.ts'
import { uploads } from './source.ts'

export const loads: readonly [
  typeof downloads,
  typeof stalls,
  typeof slowReaders,
  typeof uploads,
  typeof smallRequests,
  typeof saturation,
  typeof arrivalsLoad,
  typeof idleConnections,
  typeof liveEvents,
  typeof echoes,
  typeof webSockets,
] = [
  downloads,
  stalls,
  slowReaders,
  uploads,
  smallRequests,
  saturation,
  arrivalsLoad,
  idleConnections,
  liveEvents,
  echoes,
  webSockets,
]
