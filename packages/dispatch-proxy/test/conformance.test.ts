import { conformance } from '@relayrace/conformance/vitest'
import { deviations } from '@relayrace/fixtures/deviations'
import { findTargets } from '@relayrace/fixtures/targets'

for (const target of findTargets(['dispatch-proxy']))
  conformance(
    { ...target, configurable: true },
    { level: 'SHOULD', deviations: deviations[target.name] ?? {} },
  )
