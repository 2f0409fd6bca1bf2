/** Which addresses may ask, and which is the client's behind proxies that are trusted. */

import { BlockList, isIP } from 'node:net'
import type { Exchange, Reply } from '@relayrace/gateway'
import { checkOptions } from '@relayrace/gateway/web'
import type { Middleware } from '../middleware.ts'

export interface AddressOptions {
  /**
   * Proxies that say truly in X-Forwarded-For who has asked them: addresses, and networks such as `10.0.0.0/8`. Default:
   * none, so the client is who has connected.
   */
  readonly trusted?: readonly string[]
}

/** The client's address; undefined when nobody says it, or a trusted proxy says what is none. */
export type ClientAddress = (exchange: Exchange) => string | undefined

/** @throws TypeError for what is no address and no network. */
export function clientAddress(options: AddressOptions = {}): ClientAddress {
  checkOptions(options, { trusted: 'object' })
  const { trusted = [] } = options
  const known = networks(trusted)
  const isTrusted = (address: string): boolean => has(known, address)
  return ({ request: { remoteAddress, fields } }) => {
    let address = remoteAddress === undefined ? undefined : plain(remoteAddress)
    if (trusted.length === 0 || address === undefined) return address
    const told = fields.all('x-forwarded-for').join(',').split(',')
    // The last one is who has asked the proxy next to us. What stands before a stranger, a stranger has said.
    while (address !== undefined && isTrusted(address)) {
      const before = told.pop()?.trim()
      if (before === undefined || before === '') break
      const bare = plain(before)
      address = isIP(bare) === 0 ? undefined : bare
    }
    return address
  }
}

/** Only these may ask; 403 for all others. @throws TypeError for what is no address and no network. */
export function ipAllow(allowed: readonly string[], options: AddressOptions = {}): Middleware {
  const list = networks(allowed)
  const addressOf = clientAddress(options)
  return (exchange, next) => {
    const address = addressOf(exchange)
    return address !== undefined && has(list, address) ? next() : forbidden
  }
}

/** These may not ask, and neither may one that is not known: 403. @throws TypeError for what is no address and no network. */
export function ipDeny(denied: readonly string[], options: AddressOptions = {}): Middleware {
  const list = networks(denied)
  const addressOf = clientAddress(options)
  return (exchange, next) => {
    const address = addressOf(exchange)
    return address === undefined || has(list, address) ? forbidden : next()
  }
}

const forbidden: Reply = {
  status: 403,
  fields: { 'Content-Type': 'text/plain; charset=utf-8' },
  body: 'Forbidden\n',
}

function networks(given: readonly string[]): BlockList {
  const list = new BlockList()
  for (const network of given) {
    const [address = '', bits, ...rest] = network.split('/')
    const version = isIP(address)
    const most = version === 6 ? 128 : 32
    const prefix = bits === undefined ? most : Number(bits)
    if (version === 0 || rest.length > 0 || !/^\d*$/.test(bits ?? '') || bits === '' || prefix > most)
      throw new TypeError(`Not an address, and not a network such as 10.0.0.0/8: ${JSON.stringify(network)}`)
    list.addSubnet(address, prefix, version === 6 ? 'ipv6' : 'ipv4')
  }
  return list
}

function has(list: BlockList, address: string): boolean {
  return list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/** Without a port, brackets or a zone; an IPv4 address that came in IPv6 is one again. */
function plain(address: string): string {
  const bare = /^\[([^\]]*)\](?::\d+)?$/.exec(address)?.[1] ?? /^([\d.]+):\d+$/.exec(address)?.[1] ?? address
  return bare.replace(/%.*$/, '').replace(/^::ffff:(?=[\d.]+$)/i, '')
}
