/** A part of the suite, on routes and on the command. All of it: `npm run conformance -- --target router,relayrace`. */

import { conformance } from '@relayrace/conformance/vitest'
import { deviations } from '@relayrace/fixtures/deviations'
import { findTargets } from '@relayrace/fixtures/targets'

const only = ['URI', 'UPG-01', 'LIMIT-04', 'OBS-01']

for (const target of findTargets(['router', 'relayrace']))
  conformance(target, { level: 'SHOULD', only, deviations: deviations[target.name] ?? {} })
