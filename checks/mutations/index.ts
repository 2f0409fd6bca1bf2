/** All mutations: chosen from what could really go wrong, not from what is tested. */

import { bench } from './bench.ts'
import { dispatchProxy } from './dispatch-proxy.ts'
import { documents } from './documents.ts'
import { duplex } from './duplex.ts'
import { fetchProxy } from './fetch-proxy.ts'
import { fixtures } from './fixtures.ts'
import { gatewayLimits } from './gateway-limits.ts'
import { gatewayRules } from './gateway-rules.ts'
import { mount } from './mount.ts'
import type { Mutation } from './mutation.ts'
import { programs } from './programs.ts'
import { relayrace } from './relayrace.ts'
import { replies } from './replies.ts'
import { router } from './router.ts'
import { securedRoutes } from './secured.ts'
import { strategies } from './strategies.ts'
import { suite } from './suite.ts'
import { upstreams } from './upstreams.ts'

export const mutations: readonly Mutation[] = [
  ...gatewayRules,
  ...gatewayLimits,
  ...duplex,
  ...dispatchProxy,
  ...fetchProxy,
  ...replies,
  ...securedRoutes,
  ...upstreams,
  ...programs,
  ...suite,
  ...bench,
  ...fixtures,
  ...router,
  ...mount,
  ...documents,
  ...strategies,
  ...relayrace,
]
