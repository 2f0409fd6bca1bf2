/** HTTP/1.1 full duplex on raw sockets, and a gateway on it. */

export * from '@relayrace/gateway'
export { createDuplexGateway } from './gateway.ts'
export { type Hijacked, hijack } from './hijack.ts'
export {
  createDuplexServer,
  type DuplexHandler,
  DuplexRequest,
  DuplexResponse,
  type DuplexServer,
  type DuplexServerOptions,
  type FieldsInit,
} from './server.ts'
