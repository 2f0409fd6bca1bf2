/**
 * What a case is, and how to write one.
 *
 * A case is one sentence about an intermediary and the code that finds out whether it is true, from outside, on the
 * wire. Chapters live in `cases/<chapter>.ts`, in the order of their ids; each exports one array of cases, and
 * `cases/index.ts` puts the chapters together. An id never changes its meaning and is never given away again.
 *
 * ```ts
 * {
 *   id: 'FRAME-01',
 *   rule: 'RFC 9112 §6.2',
 *   level: 'MUST',
 *   title: 'forwards content with Content-Length under that one field, byte for byte',
 *   async run({ connect, origin }) {
 *     const client = await connect()
 *     client.send(`${head('POST /x HTTP/1.1', 'Host: a', 'Content-Length: 5')}hello`)
 *     const exchange = await origin.request()
 *     const request = complete(await exchange.done(), 'the request')
 *     equal(request.text, 'hello', 'the content at the origin')
 *     exchange.send(reply('ok'))
 *     answered(await client.response(), 200, 'ok')
 *   },
 * }
 * ```
 *
 * **The stage.** Between `connect()` and `origin` stands the target. Both ends are raw TCP and do nothing by
 * themselves: no default answer, no automatic close. Texts are Latin-1, one character is one byte, so any byte can be
 * sent (`'\x00'`, `'\xe9'`). `head(...lines)` ends each line with CRLF and adds the empty line; for what must be
 * malformed, write the bytes out.
 *
 * - `await connect({ paused? })` is a new client connection. `client.send(bytes)` need not be awaited; do so only to
 *   wait until the kernel has taken everything, which may be never. `client.response({ to: 'HEAD' })` waits for the next
 *   final response and its verdict; `client.responding()` for its head, then `.body(n)` and `.done()`;
 *   `client.interim(n)` for 1xx. `client.end()` is FIN, `.close()` a full close, `.reset()` RST, `.pause()` stops
 *   reading. `await client.ended()` is `'fin'` or `'reset'`.
 * - `await origin.request()` is the next request that reached the origin (as soon as its head is in): `.message` grows,
 *   `.body(n)` and `.done()` wait, `.send(bytes)` answers, `.connection` has the rest (`end`, `reset`, `ended`, …).
 *   `origin.connection()` is the next accepted connection, before any head: for TLS and refusals. `origin.requests` and
 *   `origin.connections` are all there were in this run; `length` says whether the target dialled at all. After an
 *   upgrade or CONNECT, `connection.take(n)` on either side reads the tunnel.
 * - `recover(client)` after an error on a connection that should have survived, or closed: another request on the same
 *   connection must get its own answer or a clean close. The ledger does the same on a new connection by itself.
 * - `exchange(request, response)` does a whole plain exchange when only what arrived matters. `ask(request)` sends and
 *   says whether the request reached the origin or the target answered by itself, for what may be refused.
 *
 * **Saying no.** Throw `Failed` through the functions of `expect.ts`: `equal`, `check`, `complete`, `answered`,
 * `refused`, `truncated`, … Waits throw `Missed` by themselves, with a limit of a few seconds; both are the verdict
 * `fail`, and the message is the one line of why. It should read well after "an intermediary": what came, not what was
 * hoped for. Anything else that is thrown is a fault of the harness. A case that fails by time alone (`Late`) is run
 * once more by itself at the end, and the report says so; one that got something wrong is not.
 *
 * **Waiting.** Never sleep to let something happen: wait for it, with `{ within }` if a few seconds are not enough.
 * `pass(ms)` is for when time itself is part of the case ("the origin waits 100 ms"). To show that something does not
 * happen, wait for what must come after it. Limits of waits grow with how busy the machine is when a case is run once
 * more (`patiently`); what is compared with a clock goes through `soonEnough`. A function of your own that runs beside the
 * case and may throw is wrapped in `quietly(…)` until it is awaited. What has to arrive at once happens inside
 * `frozen(…)`.
 *
 * **Deliveries.** Every run happens four times: each `send` in one write, cut between head and body, byte by byte, and
 * at random places, on both sides. So do not depend on what arrives together. `deliveries: ['coalesced']` is for
 * cases where cutting adds nothing (timing, memory, many requests). `send(bytes, whole)` is never cut.
 *
 * **Variants.** One id with many values is `run: each({ 'plus-sign': '+4', … }, async (stage, value) => …)`; every
 * variant runs in all deliveries, and the failing ones are named.
 *
 * **Setups.** A case that needs the target started differently names a `Setup`: further arguments (strategies know
 * `--timeouts.responseHead 500` and the like), or another upstream made from the origin's URL (a base path, `https:`, a
 * port nobody listens on). Make it a constant and share it: the target is restarted once per setup. A variant may have
 * a setup of its own: `run: { refused: { setup, run } }`. A target that cannot be set up so is `skipped` with that
 * reason. `needs` names capabilities that a target may lack.
 *
 * **What comes by itself.** After each run the clients are closed, and then: exchanges that were in progress upstream
 * must end, idle upstream connections must follow the origin's FIN, the next request on a new connection must be
 * answered, the process must live, and nothing on standard error may warn. So leave no exchange half done unless that
 * is what the case is about. `alone` is for cases that would disturb others by the memory or time they take.
 *
 * See every case fail once, on a peer or on one of `test/broken/`, before believing that it passes.
 */

import type { Capability } from '@relayrace/fixtures/target'
import type {
  Client,
  ConnectOptions,
  DeliveryName,
  Exchange,
  Message,
  Origin,
} from '@relayrace/fixtures/wire'

export interface Case {
  readonly id: string
  /** The section it follows from, such as `RFC 9112 §6.2`, or `ours` with the reason in the title. */
  readonly rule: string
  readonly level: Level
  /** Completes "an intermediary …". */
  readonly title: string
  readonly needs?: readonly Capability[]
  readonly setup?: Setup
  /** All of them when absent. */
  readonly deliveries?: readonly DeliveryName[]
  /** Nothing else runs meanwhile. */
  readonly alone?: boolean
  /** How long one run may take, in milliseconds, before it counts as a fault of the case. 30 s when absent. */
  readonly limit?: number
  readonly run: Run | Variants
  /** Why nobody can judge it on the wire. It is skipped with this reason, and stays in the list for those who look. */
  readonly unseen?: string
}

export type Level = 'MUST' | 'SHOULD' | 'MAY'

/** Throws to say no. */
export type Run = (stage: Stage) => Promise<void>

export type Variants = Readonly<Record<string, Variant>>

/** With a setup of its own, if the variants differ in that. */
export type Variant = Run | { readonly setup: Setup; readonly run: Run }

/** How a target is started for some cases. Compared by identity. */
export interface Setup {
  /** For messages: "with short timeouts". */
  readonly name: string
  /** Such as `{ 'timeouts.responseHead': 500 }`, handed over as `--timeouts.responseHead 500`; `true` is a bare flag. */
  readonly options?: Lazily<Readonly<Record<string, string | number | true>>>
  /** The upstream to start it with, when it is not simply the origin. `over` aborts when it is no longer needed. */
  readonly upstream?: (origin: URL, over: AbortSignal) => URL | Promise<URL>
  /** False when the target is to be kept from an answer, so that none can be asked for afterwards. */
  readonly answers?: false
  /** What a TLS origin needs, as for `node:tls`. */
  readonly tls?: Lazily<Readonly<Record<string, unknown>>>
  readonly env?: Lazily<Readonly<Record<string, string>>>
  /** What a target must have to be started so. */
  readonly needs?: readonly Capability[]
}

/** Made when the setup is first needed. */
export type Lazily<Value> = Value | ((over: AbortSignal) => Value | Promise<Value>)

export interface Stage {
  /** Where the target listens. */
  readonly target: URL
  connect(options?: Pick<ConnectOptions, 'paused' | 'localAddress'>): Promise<Client>
  readonly origin: Origin
  readonly delivery: DeliveryName
  /** In [0, 1), the same for the same seed. */
  readonly random: () => number
  /** Another request on the same connection gets its own answer, or the connection is closed without one. */
  recover(client: Client): Promise<void>
  /** Sends a request and waits until it has reached the origin, or was answered or refused without the origin. */
  ask(request: string, options?: ExchangeOptions): Promise<Asked>
  /** Sends a request, answers it, and waits for both messages to be whole. */
  exchange(request: string, response: string, options?: ExchangeOptions): Promise<Exchanged>
  /** Lets time pass that is part of the case. */
  pass(ms: number): Promise<void>
  /** Does something while the target stands still, so that it hears of all at once. Where it cannot be stopped, it goes on. */
  frozen<Value>(action: () => Promise<Value>): Promise<Value>
  /** Resident memory of the target in bytes, or undefined where it cannot be seen. */
  memory(): Promise<number | undefined>
  /** Open descriptors of the target, or undefined where they cannot be seen. */
  descriptors(): Promise<number | undefined>
  /**
   * The line of the log about the exchange with this request target: one JSON object per exchange on standard output.
   * Only targets that have `log` write one.
   */
  logged(target: string): Promise<Readonly<Record<string, unknown>>>
  /** Tells the target to end (SIGTERM), and resolves once it has. Another one is started for the next run. */
  terminate(): Promise<void>
  /** Aborts when the case is over, or the target has died. */
  readonly signal: AbortSignal
}

export interface ExchangeOptions {
  /** On this connection instead of a new one. */
  readonly client?: Client
  /** The method of the request, if it is HEAD or CONNECT. */
  readonly to?: string
}

export interface Asked {
  readonly client: Client
  /** Undefined when the target answered, or closed, by itself. */
  readonly exchange: Exchange | undefined
  /** What the client gets. Rejects with `Missed` when that is nothing. */
  readonly response: Promise<Message>
}

export interface Exchanged {
  readonly client: Client
  /** As it came to the origin. Always complete. */
  readonly request: Message
  /** As it came to the client, whatever its verdict. */
  readonly response: Message
}

/** One run for each value. */
export function each<Value>(
  values: Readonly<Record<string, Value>>,
  run: (stage: Stage, value: Value) => Promise<void>,
): Variants {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, (stage: Stage) => run(stage, value)]),
  )
}

/** Lines with CRLF, and the empty line that ends a head. */
export function head(...lines: readonly string[]): string {
  return `${lines.join('\r\n')}\r\n\r\n`
}

/** A plain 200 with Content-Length. */
export function reply(content: string, ...fields: readonly string[]): string {
  return head('HTTP/1.1 200 OK', `Content-Length: ${content.length}`, ...fields) + content
}

/** A plain GET. */
export function get(path: string, ...fields: readonly string[]): string {
  return head(`GET ${path} HTTP/1.1`, 'Host: a', ...fields)
}

/** Content in chunks, with the last chunk. */
export function chunked(...contents: readonly string[]): string {
  return `${chunks(...contents)}0\r\n\r\n`
}

/** Chunks without the last one. */
export function chunks(...contents: readonly string[]): string {
  return contents.map((content) => `${content.length.toString(16)}\r\n${content}\r\n`).join('')
}
