/** Starts an example: `npm run example -- gateway`. */

const examples: Readonly<Record<string, () => Promise<unknown>>> = {
  'one-liner': () => import('./one-liner/main.ts'),
  download: () => import('./download/main.ts'),
  mounted: () => import('./mounted/main.ts'),
  hooks: () => import('./hooks/main.ts'),
  gateway: () => import('./gateway/main.ts'),
  servemux: () => import('./servemux/main.ts'),
  echo: () => import('./echo/main.ts'),
  alternatives: () => import('./alternatives/main.ts'),
  client: () => import('./client/main.ts'),
  strategy: () => import('./strategy/main.ts'),
}

const [name = ''] = process.argv.splice(2, 1)
const start = Object.hasOwn(examples, name) ? examples[name] : undefined
if (start === undefined) {
  console.error(`npm run example -- NAME [options]\nThere are: ${Object.keys(examples).join(', ')}`)
  process.exitCode = 2
} else {
  await start()
}
