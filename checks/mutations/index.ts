/** All mutations: chosen from what could really go wrong, not from what is tested. */

import { gatewayRules } from './gateway-rules.ts'
import type { Mutation } from './mutation.ts'

export const mutations: readonly Mutation[] = [...gatewayRules]
