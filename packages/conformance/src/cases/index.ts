/** All cases, in the order of the catalogue. */

import type { Case } from '../case.ts'
import { canc } from './canc.ts'
import { duplx } from './duplx.ts'
import { err } from './err.ts'
import { flush } from './flush.ts'
import { frame } from './frame.ts'
import { fwd } from './fwd.ts'
import { h2 } from './h2.ts'
import { hdr } from './hdr.ts'
import { host } from './host.ts'
import { info } from './info.ts'
import { limit } from './limit.ts'
import { nobody } from './nobody.ts'
import { obs } from './obs.ts'
import { pass } from './pass.ts'
import { pool } from './pool.ts'
import { sec } from './sec.ts'
import { smug } from './smug.ts'
import { strm } from './strm.ts'
import { time } from './time.ts'
import { trlr } from './trlr.ts'
import { trunc } from './trunc.ts'
import { upg } from './upg.ts'
import { uri } from './uri.ts'

export const cases: readonly Case[] = [
  ...frame,
  ...hdr,
  ...strm,
  ...canc,
  ...trunc,
  ...time,
  ...trlr,
  ...info,
  ...upg,
  ...nobody,
  ...pass,
  ...flush,
  ...duplx,
  ...smug,
  ...limit,
  ...pool,
  ...fwd,
  ...uri,
  ...host,
  ...err,
  ...sec,
  ...obs,
  ...h2,
]
