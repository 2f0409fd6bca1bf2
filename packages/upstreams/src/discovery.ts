/** Where the list of endpoints comes from, if it is not given: from DNS, or from a file that changes. */

import { NODATA, NOTFOUND } from 'node:dns'
import { Resolver } from 'node:dns/promises'
import { type FSWatcher, watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Origin } from '@relayrace/gateway'
import type { Clock } from './clock.ts'
import type { Entry } from './member.ts'

export interface Finder {
  /** This is the list now. Throws when it makes no sense, and then the one before stays. */
  found(endpoints: readonly (Origin | Entry)[]): void
  /** The list could not be had: the one before stays. */
  failed(cause: unknown): void
  readonly clock: Clock
}

/** Begins to look for endpoints, and goes on until what it returns is called. It keeps no process alive. */
export type Discovery = (finder: Finder) => () => void

/** Durations are milliseconds. */
export interface DnsOptions {
  readonly name: string
  /** Whether endpoints speak TLS. With addresses, set the gateway's `tls.servername` to the name then. `false`. */
  readonly secure?: boolean
  /** Name servers, as for `dns.setServers`. The system's. */
  readonly servers?: readonly string[]
  /** When it is asked again after it could not be had. 5 000. */
  readonly retry?: number
}

export interface AddressOptions extends DnsOptions {
  /** 80, or 443. */
  readonly port?: number
  /** Only addresses of IPv4, or of IPv6. Both. */
  readonly family?: 4 | 6
  /** It is asked again as the records say (TTL), but no sooner and no later than that. 1 000 and 60 000. */
  readonly soonest?: number
  readonly latest?: number
}

export interface ServiceOptions extends DnsOptions {
  /** When it is asked again: Node.js does not tell the TTL of SRV records. 30 000. */
  readonly interval?: number
}

/** The addresses of a name (A, AAAA). The name is what endpoints see as Host. */
export function fromDns(options: AddressOptions): Discovery {
  const { name, secure = false, port = secure ? 443 : 80, family, soonest = 1_000, latest = 60_000 } = options
  const host = port === (secure ? 443 : 80) ? name : `${name}:${port}`
  return resolving(options, async (resolver) => {
    const [four, six] = await Promise.all([
      family === 6 ? [] : some(resolver.resolve4(name, { ttl: true })),
      family === 4 ? [] : some(resolver.resolve6(name, { ttl: true })),
    ])
    const scheme = secure ? 'https' : 'http'
    const endpoints = [
      ...four.map(({ address }) => ({ to: `${scheme}://${address}:${port}`, host })),
      ...six.map(({ address }) => ({ to: `${scheme}://[${address}]:${port}`, host })),
    ]
    if (endpoints.length === 0) throw new Error(`${name} has no address`)
    const ttl = Math.min(...[...four, ...six].map((record) => record.ttl * 1000))
    return [distinct(endpoints), Math.min(Math.max(ttl, soonest), latest)]
  })
}

/** The targets of a service (SRV, RFC 2782), such as `_http._tcp.app.example`, with their weights and priorities. */
export function fromSrv(options: ServiceOptions): Discovery {
  const { name, secure = false, interval = 30_000 } = options
  return resolving(options, async (resolver) => {
    const records = await resolver.resolveSrv(name)
    const endpoints = records.map(({ name: target, port, weight, priority }) => ({
      to: `${secure ? 'https' : 'http'}://${target}:${port}`,
      // A weight of 0 is a very small one, unless nobody has another.
      weight: weight === 0 ? 0.1 : weight,
      priority,
    }))
    return [distinct(endpoints), interval]
  })
}

/** @param resolve Gives the endpoints, and when to ask again. */
function resolving(
  { servers, retry = 5_000 }: DnsOptions,
  resolve: (resolver: Resolver) => Promise<[Entry[], number]>,
): Discovery {
  return ({ found, failed, clock }) => {
    const resolver = new Resolver()
    if (servers !== undefined) resolver.setServers(servers)
    let isOver = false
    let cancel = (): void => {}
    const look = async (): Promise<void> => {
      let again = retry
      try {
        const [endpoints, next] = await resolve(resolver)
        if (isOver) return
        found(endpoints)
        again = next
      } catch (cause) {
        if (isOver) return
        failed(cause)
      }
      cancel = clock.after(again, look)
    }
    look()
    return () => {
      isOver = true
      cancel()
      resolver.cancel()
    }
  }
}

/** None of that kind is an answer as well. */
async function some<R>(records: Promise<R[]>): Promise<R[]> {
  try {
    return await records
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === NODATA || code === NOTFOUND) return []
    throw cause
  }
}

function distinct(entries: readonly (Entry & { to: string })[]): Entry[] {
  return [...new Map(entries.map((entry) => [entry.to, entry])).values()]
}

export interface FileOptions {
  /** It is read again after so many milliseconds, where nobody tells that it has changed: on network file systems. 30 000. */
  readonly interval?: number
}

/**
 * A file with the list as JSON: `["http://10.0.0.1:8080", { "to": "http://10.0.0.2:8080", "weight": 2 }]`. It may be written
 * in place, replaced by another one, or be a link that comes to lead elsewhere.
 */
export function fromFile(file: string | URL, { interval = 30_000 }: FileOptions = {}): Discovery {
  return ({ found, failed, clock }) => {
    let isOver = false
    let cancel = (): void => {}
    let known: string | undefined
    let reading = false
    let changed = false
    let watcher: FSWatcher | undefined

    async function read(): Promise<void> {
      changed = true
      if (reading) return
      reading = true
      cancel()
      while (changed && !isOver) {
        changed = false
        try {
          const text = await readFile(file, 'utf8')
          if (isOver || text === known) continue
          found(listIn(text))
          known = text
        } catch (cause) {
          known = undefined
          if (!isOver) failed(cause)
        }
      }
      reading = false
      if (!isOver) cancel = clock.after(interval, read)
    }

    // The folder, not the file: who replaces a file, or a link on the way to it, leaves the old one unchanged.
    const folder = path.dirname(typeof file === 'string' ? path.resolve(file) : fileURLToPath(file))
    try {
      watcher = watch(folder, { persistent: false }, () => void read())
      watcher.on('error', failed)
    } catch (cause) {
      failed(cause)
    }
    read()
    return () => {
      isOver = true
      cancel()
      watcher?.close()
    }
  }
}

function listIn(text: string): (Origin | Entry)[] {
  const list: unknown = JSON.parse(text)
  if (!Array.isArray(list))
    throw new TypeError('The file has no list of endpoints, such as ["http://10.0.0.1:8080"]')
  return list
}
