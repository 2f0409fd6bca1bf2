/** `--buffer`: our strategies with other read buffers than they have, to find out which size is right. */

import { formatSize } from '@relayrace/fixtures/payloads'
import type { ListedTarget } from '@relayrace/fixtures/target'
import { findTarget } from '@relayrace/fixtures/targets'

/** Those that read into buffers of ours. */
export const readers: readonly string[] = ['pipe-proxy', 'reverse-proxy', 'duplex-server']

/** The same target, from its source, whose fast streams are read with at most so many bytes at once. */
export function withBuffer({ name }: ListedTarget, size: number): ListedTarget {
  const target = findTarget(name)
  const option = `--import=${new URL('replaced-buffers.ts', import.meta.url)}`
  const env = { NODE_OPTIONS: option, READ_BUFFER: `${size}` }
  const start: ListedTarget['start'] = (upstream, options) =>
    target.start(upstream, { ...options, env: { ...options?.env, ...env } })
  let compiled: Promise<void> | undefined
  return {
    ...target,
    name: `${target.name}-${formatSize(size)}`,
    about: `${target.about}; reads up to ${formatSize(size)} at once`,
    async start(upstream, options) {
      // As in `startOnNode`: the first start only fills the cache of compiled sources.
      compiled ??= start(upstream).then((running) => running[Symbol.asyncDispose]())
      await compiled
      return start(upstream, options)
    },
  }
}
