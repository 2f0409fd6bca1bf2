/** Which addresses are somewhere on the Internet, and not at home (IANA special-purpose address registries). */

import { BlockList, isIPv4, isIPv6 } from 'node:net'

/** Not globally reachable, or not a host: RFC 6890 and what its registry has since got. */
const special4: readonly (readonly [network: string, prefix: number])[] = [
  ['0.0.0.0', 8], // this network, unspecified
  ['10.0.0.0', 8], // private
  ['100.64.0.0', 10], // behind a carrier's NAT
  ['127.0.0.0', 8], // loopback
  ['168.63.129.16', 32], // the host of a virtual machine at Azure: public by number, not by nature
  ['169.254.0.0', 16], // link-local, metadata of clouds
  ['172.16.0.0', 12], // private
  ['192.0.0.0', 24], // protocol assignments
  ['192.0.2.0', 24], // documentation
  ['192.88.99.0', 24], // 6to4 relays
  ['192.168.0.0', 16], // private
  ['198.18.0.0', 15], // benchmarks
  ['198.51.100.0', 24], // documentation
  ['203.0.113.0', 24], // documentation
  ['224.0.0.0', 4], // multicast
  ['240.0.0.0', 4], // reserved, broadcast
]

/**
 * Of IPv6 only what has been given out is global at all. That leaves out loopback, link-local, unique local, multicast,
 * IPv4-mapped and -compatible, NAT64 (64:ff9b::/96 and 64:ff9b:1::/48), and all that is unassigned.
 */
const global6: readonly (readonly [network: string, prefix: number])[] = [['2000::', 3]]
const special6: readonly (readonly [network: string, prefix: number])[] = [
  ['2001::', 23], // protocol assignments, with Teredo, benchmarks, ORCHID
  ['2001:db8::', 32], // documentation
  ['2002::', 16], // 6to4: an IPv4 address within
  ['3fff::', 20], // documentation
]

const lists = {
  special4: listOf(special4, 'ipv4'),
  global6: listOf(global6, 'ipv6'),
  special6: listOf(special6, 'ipv6'),
}

/** False for whatever is no address, or has a zone. */
export function isGlobal(address: string): boolean {
  if (isIPv4(address)) return !lists.special4.check(address, 'ipv4')
  if (!isIPv6(address) || address.includes('%')) return false
  return lists.global6.check(address, 'ipv6') && !lists.special6.check(address, 'ipv6')
}

function listOf(
  subnets: readonly (readonly [network: string, prefix: number])[],
  family: 'ipv4' | 'ipv6',
): BlockList {
  const list = new BlockList()
  for (const [network, prefix] of subnets) list.addSubnet(network, prefix, family)
  return list
}
