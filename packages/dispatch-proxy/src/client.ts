/** undici's client as a gateway needs it, for whoever asks with it in another way than by its dispatcher. */

export { type Connections, createConnections } from './connections.ts'
export type { Use } from './pool.ts'
export { isBeyondClient, latin1, requestOf, wentStale } from './request.ts'
