/** What a target is known not to do. It is shown with its reason and is not an error of the run. Never one of ours. */

export interface KnownLimit {
  readonly target: string
  readonly scenario: string
  readonly why: string
}

export const knownLimits: readonly KnownLimit[] = [
  {
    target: 'nginx',
    scenario: 'echo',
    why: 'collects the whole request before it asks the origin (proxy_request_buffering is on by default)',
  },
  {
    target: 'fastify-http-proxy',
    scenario: 'stalled',
    why: 'has 128 upstream connections by default; further streams wait until one is free',
  },
]
