import { defineConfig, type ViteUserConfig } from 'vitest/config'

/** Not among the tests of the package: these are to fail. */
const config: ViteUserConfig = defineConfig({ test: { include: ['test/bridged/cases.ts'] } })

export default config
