/** The command line inside this repository, where targets have names. */

import { deviations } from '@relayrace/fixtures/deviations'
import { shippedTargets, targets } from '@relayrace/fixtures/targets'
import { main } from './command-line.ts'

// Rather than let it end by itself: Node tidies up then, and was seen to wait for a socket there for ever.
const code = await main(process.argv.slice(2), {
  command: `${process.env.BENCH_NODE === undefined ? '' : 'BENCH_NODE=/path/to/node '}npm run conformance --`,
  targets: shippedTargets,
  fromSource: targets,
  deviations: (name) => deviations[name] ?? {},
  ...(process.env.BENCH_NODE === undefined && {
    note: 'The five on the oldest Node.js that they promise to run on: [22.19](conformance-node-22.md).',
  }),
})
process.exit(code)
