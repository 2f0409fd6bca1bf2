/** What each package may cost who installs it. A change that makes one larger changes its line here, on purpose. */

export interface Size {
  /** KiB of the tarball. */
  readonly packed: number
  /** KiB on the disk. */
  readonly unpacked: number
  /** Packages that come with it, theirs included. */
  readonly dependencies: number
}

export const sizes: Readonly<Record<string, Size>> = {
  '@relayrace/conformance': { packed: 700, unpacked: 3500, dependencies: 0 },
  '@relayrace/dispatch-proxy': { packed: 45, unpacked: 150, dependencies: 2 },
  '@relayrace/duplex-server': { packed: 120, unpacked: 440, dependencies: 1 },
  '@relayrace/fetch-proxy': { packed: 32, unpacked: 115, dependencies: 3 },
  '@relayrace/gateway': { packed: 310, unpacked: 1060, dependencies: 0 },
  '@relayrace/mount': { packed: 22, unpacked: 78, dependencies: 1 },
  '@relayrace/pipe-proxy': { packed: 7, unpacked: 18, dependencies: 1 },
  '@relayrace/programs': { packed: 52, unpacked: 180, dependencies: 1 },
  '@relayrace/reverse-proxy': { packed: 60, unpacked: 205, dependencies: 5 },
  '@relayrace/router': { packed: 72, unpacked: 240, dependencies: 1 },
  '@relayrace/upstreams': { packed: 65, unpacked: 230, dependencies: 2 },
  relayrace: { packed: 115, unpacked: 390, dependencies: 56 },
}
