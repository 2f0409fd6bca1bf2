#!/usr/bin/env node
import { main } from './command-line.ts'

// Rather than let it end by itself: Node tidies up then, and was seen to wait for a socket there for ever.
const code = await main(process.argv.slice(2))
process.exit(code)
