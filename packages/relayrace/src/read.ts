/** A configuration, read from its file. */

import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { pathToFileURL } from 'node:url'
import { type Document, isNode, LineCounter, parseDocument } from 'yaml'
import { ConfigError, type Locate, parseConfig, type Settled } from './config.ts'

/** @throws ConfigError for aliases of nothing, or of more than a configuration can be. */
function contentOf(document: Document, name: string): unknown {
  try {
    return document.toJS()
  } catch (cause) {
    throw new ConfigError(`${name}: ${(cause as Error).message}`)
  }
}

/** Of `.yaml`, `.yml`, `.json`, `.ts` or `.js`. @throws ConfigError */
export async function readConfig(file: string): Promise<Settled> {
  const name = path.basename(file)
  if (/\.[cm]?[jt]s$/.test(file)) {
    const url = pathToFileURL(path.resolve(file))
    // Read anew each time: a module is cached by its URL.
    url.searchParams.set('at', String(Date.now()))
    const loaded = await import(url.href).catch((cause: unknown) => {
      throw new ConfigError(`${name}: ${cause instanceof Error ? cause.message : String(cause)}`)
    })
    return tried(
      parseConfig(loaded.default, () => name),
      () => name,
    )
  }
  const source = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new ConfigError(
      `${file}: ${cause.code === 'ENOENT' ? 'there is no such file; relayrace init writes one to begin with' : cause.message}`,
    )
  })
  const lines = new LineCounter()
  const document = parseDocument(source, { lineCounter: lines })
  const [broken] = document.errors
  if (broken !== undefined)
    throw new ConfigError(`${name}:${lines.linePos(broken.pos[0]).line}: ${broken.message.split('\n')[0]}`)
  const locate: Locate = (keys) => {
    for (let depth = keys.length; depth >= 0; depth--) {
      const node = document.getIn(keys.slice(0, depth), true)
      const from = isNode(node) ? node.range?.[0] : undefined
      if (from !== undefined) return `${name}:${lines.linePos(from).line}`
    }
    return name
  }
  return tried(parseConfig(contentOf(document, name), locate), locate)
}

/** What is not read is not loaded: the rest of the command needs none of it. */
async function tried(config: Settled, locate: Locate): Promise<Settled> {
  const { tryOut } = await import('./trial.ts')
  tryOut(config, locate)
  return config
}
