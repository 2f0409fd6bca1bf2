import { defineConfig, type UserConfig } from 'tsdown'

const config: UserConfig = defineConfig({
  entry: {
    index: 'src/index.ts',
    express: 'src/express.ts',
    fastify: 'src/fastify.ts',
    koa: 'src/koa.ts',
    hono: 'src/hono.ts',
    vite: 'src/vite.ts',
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
