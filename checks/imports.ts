/** What a TypeScript source imports, and which of that it may not. */

import { readFileSync } from 'node:fs'
import path from 'node:path'
import { parseSync } from 'oxc-parser'

export interface Import {
  readonly specifier: string
  /** Gone when types are stripped. */
  readonly typeOnly: boolean
}

/** Every static import, re-export and dynamic import, in the order of the source. Throws when it cannot be parsed. */
export function importsOf(file: string, source: string): Import[] {
  const { module, errors } = parseSync(file, source)
  const [error] = errors
  if (error) throw new SyntaxError(`${file}: ${error.message}`)
  const found: (Import & { readonly start: number })[] = []
  for (const { moduleRequest, entries, start } of module.staticImports) {
    const typeOnly = entries.length > 0 && entries.every(({ isType }) => isType)
    found.push({ specifier: moduleRequest.value, typeOnly, start })
  }
  for (const { entries, start } of module.staticExports) {
    const [from] = entries.flatMap(({ moduleRequest }) => moduleRequest ?? [])
    if (from === undefined) continue
    found.push({ specifier: from.value, typeOnly: entries.every(({ isType }) => isType), start })
  }
  for (const { moduleRequest, start } of module.dynamicImports) {
    const text = source.slice(moduleRequest.start, moduleRequest.end)
    // What is computed cannot be judged, so it is shown as it stands and fits no rule.
    const literal = /^(['"`])([^'"`$]*)\1$/.exec(text)
    found.push({ specifier: literal?.[2] ?? text, typeOnly: false, start })
  }
  return found
    .toSorted((a, b) => a.start - b.start)
    .map(({ specifier, typeOnly }) => ({ specifier, typeOnly }))
}

/** Which way the arrows of one folder may point. */
export interface Rule {
  /** Packages, by name: each stands for all of its subpaths as well. */
  readonly packages: readonly string[]
  /** Of these only types. */
  readonly types?: readonly string[]
  /** Modules of Node.js. */
  readonly node: boolean
}

/** What in this source points where it may not, one line each. `folder` is as far as relative imports may reach. */
export function strays(folder: string, file: string, source: string, rule: Rule): string[] {
  const allowed = ({ specifier, typeOnly }: Import): boolean => {
    if (specifier.startsWith('.')) {
      return !path.relative(folder, path.resolve(path.dirname(file), specifier)).startsWith('..')
    }
    if (specifier.startsWith('node:')) return rule.node
    const name = packageOf(specifier)
    return rule.packages.includes(name) || (typeOnly && (rule.types ?? []).includes(name))
  }
  return importsOf(file, source)
    .filter((found) => !allowed(found))
    .map(({ specifier }) => `${path.basename(folder)}/${path.relative(folder, file)}: ${specifier}`)
}

/** The same for files. */
export function straysIn(folder: string, files: readonly string[], rule: Rule): string[] {
  return files.flatMap((file) => strays(folder, file, readFileSync(file, 'utf8'), rule))
}

/** `@scope/name/subpath` belongs to `@scope/name`. */
function packageOf(specifier: string): string {
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/')
}

/** Everything outside this repository that loading this source would load, with the source that asks for it. */
export function loads(entry: string, resolve: (specifier: string) => string | undefined): string[] {
  const found: string[] = []
  const seen = new Set([entry])
  for (const file of seen) {
    for (const { specifier, typeOnly } of importsOf(file, readFileSync(file, 'utf8'))) {
      if (typeOnly) continue
      const next = specifier.startsWith('.')
        ? path.resolve(path.dirname(file), specifier)
        : resolve(specifier)
      if (next === undefined) found.push(`${path.basename(file)}: ${specifier}`)
      else seen.add(next)
    }
  }
  return found
}

/** Each circle in which these files import each other, types included: the names of its files, in order. */
export function circles(
  folder: string,
  files: readonly string[],
  read: (file: string) => string = (file) => readFileSync(file, 'utf8'),
): string[] {
  const found: string[] = []
  const done = new Set<string>()
  const visit = (file: string, above: readonly string[]): void => {
    if (above.includes(file)) {
      const circle = [...above.slice(above.indexOf(file)), file]
      found.push(circle.map((one) => path.relative(folder, one)).join(' → '))
    }
    if (done.has(file)) return
    done.add(file)
    for (const { specifier } of importsOf(file, read(file))) {
      const next = path.resolve(path.dirname(file), specifier)
      if (specifier.startsWith('.') && specifier.endsWith('.ts')) visit(next, [...above, file])
    }
  }
  for (const file of files) visit(path.resolve(folder, file), [])
  return found
}
