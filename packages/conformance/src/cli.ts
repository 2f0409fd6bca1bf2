/** The command line inside this repository, where targets have names. */

import { deviations } from '@relayrace/fixtures/deviations'
import { findTargets, targets } from '@relayrace/fixtures/targets'
import { main } from './command-line.ts'

// Rather than let it end by itself: Node tidies up then, and was seen to wait for a socket there for ever.
const code = await main(process.argv.slice(2), {
  command: 'npm run conformance --',
  names: targets.map(({ name }) => name),
  ours: targets.filter(({ kind }) => kind === 'strategy').map(({ name }) => name),
  async find(name) {
    const [target] = findTargets([name])
    if (!target) throw new RangeError(name)
    const release = await target.version()
    if (release === undefined) return `not installed; ${target.install}`
    return { ...target, release, configurable: target.kind === 'strategy' }
  },
  deviations: (name) => deviations[name] ?? {},
})
process.exit(code)
