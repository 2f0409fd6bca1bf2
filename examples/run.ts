/** Starts an example: `npm run example -- gateway`. */

const examples: Readonly<Record<string, () => Promise<unknown>>> = {
  gateway: () => import('./gateway/main.ts'),
}

const [name = ''] = process.argv.splice(2, 1)
const start = Object.hasOwn(examples, name) ? examples[name] : undefined
if (start === undefined) {
  console.error(`npm run example -- NAME [options]\nThere are: ${Object.keys(examples).join(', ')}`)
  process.exitCode = 2
} else {
  await start()
}
