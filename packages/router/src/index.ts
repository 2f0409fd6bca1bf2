/** Which service answers, and what is asked before it. */

export { compose, type Middleware } from './middleware.ts'
export { type Mount, type MountOptions, type MountRoute, mount } from './mount.ts'
export { createRouter, type Router, type RouterOptions } from './router.ts'
export type { RouterRoute } from './routes.ts'
