import { defineConfig, type ViteUserConfig } from 'vitest/config'

/** Everything here starts programs and mostly waits for them, on a machine that may be busy: two files do so at a time. */
const config: ViteUserConfig = defineConfig({ test: { testTimeout: 60_000, maxWorkers: 2 } })

export default config
