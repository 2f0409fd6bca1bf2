/** Asks endpoints by itself whether they are well. */

import { type ClientRequest, request as plainRequest, type RequestOptions } from 'node:http'
import { request as secureRequest } from 'node:https'
import { connect } from 'node:net'
import type { Origin, UpstreamTls } from '@relayrace/gateway'
import { endpoint } from '@relayrace/gateway/strategy'
import type { Clock } from './clock.ts'

/** Durations are milliseconds. */
export interface Checks {
  /** `http`: a request has to be answered, with a status that will do. `tcp`: a connection has to be made. `http`. */
  readonly type: 'http' | 'tcp'
  /** What is asked for, by GET. `/`. */
  readonly path: string
  /** For the Host field. That of the endpoint. */
  readonly host: string | undefined
  /** 200 to 399. */
  readonly expect: (status: number) => boolean
  /** Toward `https:` endpoints. */
  readonly tls: UpstreamTls | undefined
  /** From the end of one to the beginning of the next. 5 000. */
  readonly interval: number
  /** 2 000. */
  readonly timeout: number
  /** By what share of it the interval is longer or shorter, at random, so that not all are asked at once. 0.1. */
  readonly jitter: number
  /** Passed in a row, until who was down is up. The very first one decides by itself. 2. */
  readonly rise: number
  /** Failed in a row, until who was up is down. 3. */
  readonly fall: number
  readonly random: () => number
}

export const defaultChecks: Checks = {
  type: 'http',
  path: '/',
  host: undefined,
  expect: (status) => status >= 200 && status < 400,
  tls: undefined,
  interval: 5_000,
  timeout: 2_000,
  jitter: 0.1,
  rise: 2,
  fall: 3,
  random: Math.random,
}

/** What came of the last one: `passed`, or what is wrong. */
export type CheckResult = string

/** Checks one endpoint over and over, until it is stopped. */
export class Checker {
  readonly #whom: { readonly to: Origin; readonly host: string | undefined }
  readonly #checks: Checks
  readonly #clock: Clock
  readonly #told: (isUp: boolean, result: CheckResult) => void
  #isUp = true
  /** In a row, of the kind that the last one was. */
  #row = 0
  #last: CheckResult | undefined
  #cancel: (() => void) | undefined
  #stopped = false

  /** @param told Of every result: whether the endpoint is up by that. */
  constructor(
    whom: { readonly to: Origin; readonly host: string | undefined },
    checks: Checks,
    clock: Clock,
    told: (isUp: boolean, result: CheckResult) => void,
  ) {
    this.#whom = whom
    this.#checks = checks
    this.#clock = clock
    this.#told = told
    this.#cancel = clock.after(0, () => this.#check())
  }

  stop(): void {
    this.#stopped = true
    this.#cancel?.()
  }

  #check(): void {
    const controller = new AbortController()
    const callOff = this.#clock.after(this.#checks.timeout, () => controller.abort('timeout'))
    this.#cancel = () => {
      callOff()
      controller.abort('stopped')
    }
    const { type } = this.#checks
    const asked =
      type === 'tcp' ? connected(this.#whom.to, controller.signal) : this.#answered(controller.signal)
    // `expect` has thrown, or what it is to be asked with cannot be sent.
    const told = asked.catch((error) => reasonOf(Object(error), controller.signal))
    void told.then((result) => {
      callOff()
      if (this.#stopped) return
      this.#judge(result)
      const { interval, jitter, random } = this.#checks
      this.#cancel = this.#clock.after(interval * (1 + jitter * (2 * random() - 1)), () => this.#check())
    })
  }

  #judge(result: CheckResult): void {
    const passed = result === 'passed'
    const first = this.#last === undefined
    this.#row = passed === (this.#last === 'passed') ? this.#row + 1 : 1
    this.#last = result
    if (first || this.#row >= (passed ? this.#checks.rise : this.#checks.fall)) this.#isUp = passed
    this.#told(this.#isUp, result)
  }

  /** Rejects with what `expect` throws. */
  #answered(signal: AbortSignal): Promise<CheckResult> {
    const { path, host, expect, tls } = this.#checks
    const { secure, hostname, port, socketPath, authority } = endpoint(this.#whom.to)
    const options: RequestOptions = {
      ...(socketPath === undefined ? { hostname, port } : { socketPath }),
      ...(secure && tls),
      path,
      headers: {
        host: host ?? this.#whom.host ?? authority,
        'user-agent': 'relayrace-upstreams',
        connection: 'close',
      },
      agent: false,
      signal,
    }
    return new Promise((resolve, reject) => {
      const asked: ClientRequest = (secure ? secureRequest : plainRequest)(options, (response) => {
        const status = response.statusCode ?? 0
        try {
          resolve(expect(status) ? 'passed' : `status ${status}`)
        } catch (error) {
          reject(error)
        }
        response.on('error', () => {})
        // What it says is of no interest, and may have no end.
        response.destroy()
      })
      asked.on('socket', (socket) => socket.unref())
      asked.on('upgrade', (_, socket) => {
        socket.destroy()
        resolve('status 101')
      })
      asked.on('error', (error) => resolve(reasonOf(error, signal)))
      asked.end()
    })
  }
}

/** Never rejects. */
function connected(to: Origin, signal: AbortSignal): Promise<CheckResult> {
  const { hostname: host, port, socketPath } = endpoint(to)
  return new Promise((resolve) => {
    const socket = connect(socketPath === undefined ? { host, port } : { path: socketPath }).unref()
    const finish = (result: CheckResult): void => {
      socket.destroy()
      resolve(result)
    }
    signal.addEventListener('abort', () => finish(String(signal.reason)), { once: true })
    socket.once('connect', () => finish('passed'))
    socket.on('error', (error) => finish(reasonOf(error, signal)))
  })
}

function reasonOf(error: NodeJS.ErrnoException, signal: AbortSignal): CheckResult {
  return signal.aborted ? String(signal.reason) : (error.code ?? error.message ?? String(error))
}
