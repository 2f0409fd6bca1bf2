/** What all mounts have in common. The frameworks are subpaths: `@relayrace/mount/express` … */

export type { MountOptions } from './mount.ts'
export { passUpgrades, type UpgradeOptions } from './upgrades.ts'
