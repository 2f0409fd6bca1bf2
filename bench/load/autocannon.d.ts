/** The part of autocannon 9 that the bench uses, with the insides of its client that have to be corrected. */

declare module 'autocannon' {
  import type { EventEmitter } from 'node:events'

  export interface ResponseInfo {
    readonly statusCode: number
    readonly shouldKeepAlive: boolean
    /** Names and values in turn. */
    readonly headers: readonly string[]
  }

  export interface PipelinedRequests {
    addBody(slice: Buffer): void
    setHeaders(info: ResponseInfo): void
    terminateRequest(): unknown
    size(): number
    clear(): void
  }

  export interface Client extends EventEmitter {
    readonly pipelinedRequests: PipelinedRequests
    readonly parser: { reinitialize(type: 'RESPONSE'): void }
    _connect(): void
  }

  export interface Options {
    readonly url: string
    readonly headers?: Readonly<Record<string, string>>
    readonly connections: number
    readonly amount: number
    readonly pipelining: number
    /** Seconds. */
    readonly timeout: number
    /** Milliseconds between two looks at whether to stop. */
    readonly sampleInt: number
    readonly setupClient: (client: Client) => void
  }

  export interface Result {
    readonly errors: number
    readonly timeouts: number
  }

  export default function autocannon(
    options: Options,
    done: (error: Error | null, result: Result) => void,
  ): EventEmitter
}
