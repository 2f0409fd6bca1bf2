/** Where the packages are and what their manifests say. */

import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'

export const root: string = path.resolve(import.meta.dirname, '..')

export interface Manifest {
  readonly name: string
  readonly private?: boolean
  readonly description?: string
  readonly keywords?: readonly string[]
  readonly homepage?: string
  readonly bugs?: string
  readonly repository?: { readonly type: string; readonly url: string; readonly directory?: string }
  readonly license?: string
  readonly sideEffects?: boolean
  readonly engines?: Readonly<Record<string, string>>
  readonly publishConfig?: Readonly<Record<string, unknown>>
  readonly bin?: Readonly<Record<string, string>>
  readonly exports?: Readonly<Record<string, string | Readonly<Record<string, string>>>>
  readonly scripts?: Readonly<Record<string, string>>
  readonly dependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
}

export interface Workspace {
  /** From the root: `packages/gateway`. */
  readonly folder: string
  readonly manifest: Manifest
}

/** All but this one. */
export const workspaces: readonly Workspace[] = globSync(
  '{packages/*,fixtures,bench,examples,site}/package.json',
  {
    cwd: root,
  },
)
  .toSorted()
  .map((file) => ({ folder: path.dirname(file), manifest: manifestIn(path.join(root, path.dirname(file))) }))

export const published: readonly Workspace[] = workspaces.filter(({ manifest }) => !manifest.private)

export function manifestIn(folder: string): Manifest {
  return JSON.parse(readFileSync(path.join(folder, 'package.json'), 'utf8'))
}
