/** Loaded into a strategy before its own modules: puts READ_BUFFER in place of the size in the gateway's sources. */

import { registerHooks } from 'node:module'

const declaration = /(?<=export const largeSize: number = )[\d *]+$/m

registerHooks({
  load(url, context, next) {
    const loaded = next(url, context)
    if (!url.endsWith('/gateway/src/node/buffers.ts')) return loaded
    const source = String(loaded.source)
    if (!declaration.test(source)) throw new Error(`there is no size to replace in ${url}`)
    return { ...loaded, source: source.replace(declaration, `${process.env.READ_BUFFER}`) }
  },
})
