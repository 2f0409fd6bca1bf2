/** What is asked before a service is: each is a `Middleware`, or a hook for a route. */

export { type AddressOptions, type ClientAddress, clientAddress, ipAllow, ipDeny } from './addresses.ts'
export { type ApiTokensOptions, apiTokens, hashToken } from './api-tokens.ts'
export { type BasicAuthOptions, basicAuth, hashPassword, type VerifyPassword } from './basic-auth.ts'
export { bodyLimit } from './body-limit.ts'
export { type CookieRewrite, rewriteCookies } from './cookies.ts'
export { type CorsOptions, cors } from './cors.ts'
export { identityOf } from './identity.ts'
export { rewriteLocation } from './location.ts'
export { type RequestIdOptions, requestId, requestIdOf } from './request-id.ts'
