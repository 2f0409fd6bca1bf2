/** The API of http-proxy-3, and of http-proxy before it, on the strict gateway: whoever comes from there changes one import. */

export type {
  ErrorCallback,
  ProxyTarget,
  ProxyTargetDetailed,
  ProxyTargetUrl,
  ServerOptions,
} from './http-proxy/options.ts'
export {
  createProxyServer,
  createProxyServer as createProxy,
  createProxyServer as createServer,
  numOpenSockets,
  ProxyServer,
  ProxyServer as default,
} from './http-proxy/proxy-server.ts'
