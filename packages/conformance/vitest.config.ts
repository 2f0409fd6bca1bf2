import { defineConfig, type ViteUserConfig } from 'vitest/config'

/** Everything here starts programs and waits for them, on a machine that may be busy. */
const config: ViteUserConfig = defineConfig({ test: { testTimeout: 60_000 } })

export default config
