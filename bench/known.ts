/** What a target is known not to do. It is shown with its reason and is not an error of the run. Never one of ours. */

import type { KnownLimitRecord } from './report/results.ts'

export const knownLimits: readonly KnownLimitRecord[] = [
  {
    target: 'nginx',
    scenario: 'echo',
    why: 'collects the whole request before it asks the origin (proxy_request_buffering is on by default)',
  },
  ...['caddy', 'go-reverseproxy', 'go-iocopy'].map((target) => ({
    target,
    scenario: 'echo',
    why: 'reads the whole request before it begins its answer (so does Go’s server for HTTP/1.1, unless EnableFullDuplex is called, which there is from Go 1.21 on)',
  })),
  ...['undici', 'naive-pipeline', 'naive-fetch'].map((target) => ({
    target,
    scenario: 'websocket',
    why: 'nothing in it answers an upgrade',
  })),
  ...['bun', 'deno'].map((target) => ({
    target,
    scenario: 'websocket',
    why: 'its fetch cannot change to another protocol',
  })),
  {
    target: 'fastify-http-proxy',
    scenario: 'stalled',
    why: 'has 128 upstream connections by default; further streams wait until one is free',
  },
]
