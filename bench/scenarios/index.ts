/** Every question the bench can ask, in the order in which a report answers them. */

import { aborts } from './aborts.ts'
import { arrivals } from './arrivals.ts'
import { besideStalled } from './beside-stalled.ts'
import { bothWays } from './both-ways.ts'
import { chunked, chunkedLarge } from './chunked.ts'
import { coldStart } from './cold-start.ts'
import { download } from './download.ts'
import { echo } from './echo.ts'
import { events } from './events.ts'
import { h2, h2Download } from './h2.ts'
import { handshakes, handshakesResumed } from './handshakes.ts'
import { idle } from './idle.ts'
import { parallel } from './parallel.ts'
import { saturated } from './saturated.ts'
import type { Scenario } from './scenario.ts'
import { tlsDownload, tlsUpload } from './secure.ts'
import { slow } from './slow.ts'
import { small } from './small.ts'
import { stalled } from './stalled.ts'
import { transformed } from './transformed.ts'
import { upload } from './upload.ts'
import { websocket } from './websocket.ts'
import { workers1, workers2 } from './workers.ts'

export const scenarios: readonly Scenario[] = [
  download,
  parallel,
  upload,
  bothWays,
  stalled,
  besideStalled,
  slow,
  aborts,
  small,
  saturated,
  arrivals,
  idle,
  chunked,
  chunkedLarge,
  events,
  echo,
  websocket,
  tlsDownload,
  tlsUpload,
  handshakes,
  handshakesResumed,
  h2,
  h2Download,
  workers1,
  workers2,
  transformed,
  coldStart,
]
