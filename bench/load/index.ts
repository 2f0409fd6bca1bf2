/** Everything a load generator can do. */

import { arrivalsLoad } from './arrivals.ts'
import { echoes } from './echo.ts'
import { liveEvents } from './events.ts'
import { firstAnswers } from './first.ts'
import { handshaking } from './handshakes.ts'
import { overHttp2 } from './http2.ts'
import { idleConnections } from './idle.ts'
import { leavers } from './leave.ts'
import { webSockets } from './messages.ts'
import { smallRequests } from './requests.ts'
import { saturation } from './saturate.ts'
import { downloads, stalls } from './sink.ts'
import { slowReaders } from './slow.ts'
import { uploads } from './source.ts'
import { besideStalled, bothWays } from './together.ts'
import { unpacking } from './unpack.ts'

export const loads: readonly [
  typeof downloads,
  typeof stalls,
  typeof leavers,
  typeof besideStalled,
  typeof bothWays,
  typeof slowReaders,
  typeof uploads,
  typeof smallRequests,
  typeof saturation,
  typeof arrivalsLoad,
  typeof idleConnections,
  typeof liveEvents,
  typeof echoes,
  typeof webSockets,
  typeof firstAnswers,
  typeof handshaking,
  typeof overHttp2,
  typeof unpacking,
] = [
  downloads,
  stalls,
  leavers,
  besideStalled,
  bothWays,
  slowReaders,
  uploads,
  smallRequests,
  saturation,
  arrivalsLoad,
  idleConnections,
  liveEvents,
  echoes,
  webSockets,
  firstAnswers,
  handshaking,
  overHttp2,
  unpacking,
]
