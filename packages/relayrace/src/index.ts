/** The command's own parts, for a configuration in TypeScript and for programs that serve one. */

export { type Config, ConfigError, defineConfig, parseConfig } from './config.ts'
export { readConfig } from './read.ts'
export { type Serving, serve } from './serve.ts'
