import { defineConfig, type UserConfig } from 'tsdown'

const config: UserConfig = defineConfig({
  entry: {
    index: 'src/index.ts',
    middleware: 'src/middleware/index.ts',
    jwt: 'src/middleware/jwt.ts',
    'rate-limit': 'src/middleware/rate-limit.ts',
  },
  format: 'esm',
  platform: 'node',
  target: 'node22.19',
  fixedExtension: false,
  dts: true,
  sourcemap: true,
  clean: true,
})

export default config
