/** `--buffer`: our strategies with other read buffers than they have, to find out which size is right. */

import { formatSize } from '@relayrace/fixtures/payloads'
import type { ListedTarget } from '@relayrace/fixtures/target'

/** Those that read into buffers of ours. */
export const readers: readonly string[] = ['pipe-proxy', 'reverse-proxy', 'dispatch-proxy', 'duplex-server']

/** The same target, whose fast streams are read with at most so many bytes at once. */
export const withBuffer = (target: ListedTarget, size: number): ListedTarget => ({
  ...target,
  name: `${target.name}-${formatSize(size)}`,
  about: `${target.about}; reads up to ${formatSize(size)} at once`,
  start: (upstream, options) =>
    target.start(upstream, { ...options, args: [...(options?.args ?? []), '--read-buffer', `${size}`] }),
})
