import { defineConfig, type ViteUserConfig } from 'vitest/config'

/** Some tests here start programs, on a machine that may be busy. */
const config: ViteUserConfig = defineConfig({ test: { testTimeout: 60_000 } })

export default config
