/** HTTP/1.1 full duplex on raw sockets, and a gateway on it. */

export type { GatewayOptions, SocketGateway } from '@relayrace/gateway'
export { createDuplexGateway } from './gateway.ts'
