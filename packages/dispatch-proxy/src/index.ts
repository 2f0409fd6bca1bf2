/** An HTTP gateway on node:http in front and undici's dispatcher behind. */

export * from '@relayrace/gateway'
export { createDispatchProxy, type DispatchOptions } from './dispatch.ts'
