/** Several endpoints as one upstream of a gateway. */

export {
  type AttemptMessage,
  attemptEnded,
  type Change,
  type DiscoveryMessage,
  discovered,
  type EndpointMessage,
  endpointChanged,
  type UnavailableMessage,
  unavailable,
} from './channels.ts'
export type { Checks } from './checks.ts'
export type { Clock } from './clock.ts'
export {
  type AddressOptions,
  type Discovery,
  type FileOptions,
  type Finder,
  fromDns,
  fromFile,
  fromSrv,
  type ServiceOptions,
} from './discovery.ts'
export { byAddress, byCookie, byField, hashed, type Key } from './hashed.ts'
export type { AttemptOutcome, Condition, EndpointState, Entry } from './member.ts'
export type { Ejection, Retry, UpstreamsOptions } from './options.ts'
export { type Candidate, leastInFlight, type Policy, roundRobin, twoChoices } from './policies.ts'
export type { Sticky } from './sticky.ts'
export {
  createUpstreams,
  type Upstreams,
  type UpstreamsState,
} from './upstreams.ts'
