/** What is asked, and what each answer asks for. Data: the prompts, the flags and the rules all read it. */

import type { Burden, Feature } from './candidates.ts'

export type Starter = 'proxy' | 'websocket' | 'services' | 'dev-server' | 'handler' | 'public-urls' | 'echo'

/** Scenario and metric of the bench. */
export type Deciding = readonly [scenario: string, metric: string]

export interface Job {
  readonly label: string
  readonly needs: readonly Feature[]
  /** By what is weighed. */
  readonly processor: Deciding
  readonly memory: Deciding
  readonly starter: Starter
  /** A document in docs/. */
  readonly guide?: string
  /** What to read, and what else will do. */
  readonly also: readonly string[]
  /** Where one is made for this. */
  readonly made?: string
}

const perByte: Deciding = ['download', 'cpuPerGiB']
const perRequest: Deciding = ['small', 'cpuPerRequest']
const perStalled: Deciding = ['stalled', 'processPerStream']
const perIdle: Deciding = ['idle', 'processPerConnection']

export type JobName =
  | 'downloads'
  | 'uploads'
  | 'tokens'
  | 'websocket'
  | 'api'
  | 'slow-clients'
  | 'services'
  | 'dev-server'
  | 'public-urls'
  | 'own-protocol'
  | 'http-proxy'

export const jobs: Readonly<Record<JobName, Job>> = {
  downloads: {
    label: 'large downloads, media, backups',
    needs: [],
    processor: perByte,
    memory: ['download', 'peakMemory'],
    guide: 'downloads',
    starter: 'proxy',
    also: ['If no code of yours has to see the bytes, answer with a redirect to a signed URL'],
  },
  uploads: {
    label: 'large uploads',
    needs: [],
    processor: ['upload', 'cpuPerGiB'],
    memory: ['upload', 'peakMemory'],
    guide: 'uploads',
    starter: 'proxy',
    also: ['No clock ends it while bytes go on moving; limits.requestBody bounds its size'],
  },
  tokens: {
    label: 'tokens of a model, event streams, progress',
    needs: [],
    processor: ['events', 'delayMedian'],
    memory: perIdle,
    guide: 'model-tokens',
    starter: 'proxy',
    also: ['Each event goes on as it comes; there is nothing to turn on'],
  },
  websocket: {
    label: 'WebSocket, behind a login',
    needs: ['upgrade'],
    processor: ['echo', 'tripMedian'],
    memory: perIdle,
    guide: 'websocket',
    starter: 'websocket',
    also: ['Decide who may ask in `upstream`: upgrades pass no middleware of a framework'],
  },
  api: {
    label: 'an API: many small requests',
    needs: [],
    processor: perRequest,
    memory: ['small', 'peakMemory'],
    starter: 'proxy',
    also: [],
  },
  'slow-clients': {
    label: 'clients that read slowly, or stall',
    needs: [],
    processor: perStalled,
    memory: perStalled,
    starter: 'proxy',
    also: ['Multiply the figure by the clients you expect; the kernel’s buffers come on top'],
  },
  services: {
    label: 'several services behind one port, with tokens',
    needs: [],
    processor: perRequest,
    memory: ['small', 'peakMemory'],
    guide: 'services',
    starter: 'services',
    also: ['The command has routes, tokens, rate limits, health, metrics and reloads'],
  },
  'dev-server': {
    label: 'a dev server with /api behind it',
    needs: ['mount', 'upgrade'],
    processor: perRequest,
    memory: ['small', 'peakMemory'],
    guide: 'dev-server',
    starter: 'dev-server',
    also: ['@relayrace/mount has Vite, Express, Fastify, Koa and Hono'],
  },
  'public-urls': {
    label: 'download?url=…: fetching what users name',
    needs: [],
    processor: perByte,
    memory: ['download', 'peakMemory'],
    guide: 'fetching-urls',
    starter: 'public-urls',
    also: ['`guarded` refuses private addresses, and dials the address it has checked'],
  },
  'own-protocol': {
    label: 'a protocol of your own after HTTP, both ways at once',
    needs: ['early', 'takeover'],
    processor: ['echo', 'tripMedian'],
    memory: perIdle,
    starter: 'echo',
    also: [],
  },
  'http-proxy': {
    label: 'code written for http-proxy, and no time',
    needs: ['mount'],
    processor: perRequest,
    memory: ['small', 'peakMemory'],
    guide: 'migrating',
    starter: 'proxy',
    also: ['@relayrace/reverse-proxy/http-proxy has that API: one import changes'],
    made: 'reverse-proxy',
  },
}

export type Place = 'node' | 'framework' | 'web'

export const places: Readonly<Record<Place, string>> = {
  node: 'a Node program or command of its own',
  framework: 'in Express, Fastify, Koa, Vite or on node:http',
  web: 'Bun, Deno, workers or Hono',
}

export type Weight = 'surprise' | 'processor' | 'memory'

export const weights: Readonly<Record<Weight, string>> = {
  surprise: 'the least that could surprise',
  processor: 'the least processor time, or delay',
  memory: 'the least memory',
}

/** What may be needed beyond the job. Where it runs is asked by itself. */
export const needs: readonly [Feature, ...Feature[]] = ['http2', 'upgrade', 'trailers', 'early', 'takeover']

export interface Answers {
  readonly job: JobName
  readonly where: Place
  readonly weigh: Weight
  readonly needs: readonly Feature[]
  readonly avoid: readonly Burden[]
  /** False when no code of theirs has to see what passes. */
  readonly code: boolean
}

export const defaults: Omit<Answers, 'job'> = {
  where: 'node',
  weigh: 'surprise',
  needs: [],
  avoid: [],
  code: true,
}
