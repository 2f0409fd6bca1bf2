/** The pages of the API: one for each thing that can be imported, under the name by which it is. */

import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { Application } from 'typedoc'
import { root, slug } from './pages.ts'

interface Entry {
  /** Such as `@relayrace/router/jwt`. */
  readonly name: string
  readonly file: string
  /** As typedoc calls it, after the folders that all have in common. */
  readonly module: string
}

export async function writeApi(folder: string): Promise<void> {
  const all = entries()
  rmSync(folder, { recursive: true, force: true })
  const application = await Application.bootstrapWithPlugins({
    plugin: ['typedoc-plugin-markdown'],
    tsconfig: path.join(import.meta.dirname, 'tsconfig.api.json'),
    entryPoints: all.map(({ file }) => file),
    name: 'API',
    out: folder,
    readme: 'none',
    disableSources: true,
    excludePrivate: true,
    excludeInternal: true,
    // The compiler that has no API checks them elsewhere.
    skipErrorChecking: true,
    logLevel: 'Error',
    ...{ outputFileStrategy: 'modules', entryFileName: 'index', hideBreadcrumbs: true, hidePageHeader: true },
  })
  const project = await application.convert()
  if (project === undefined) throw new Error('typedoc found nothing')
  await application.generateOutputs(project)
  const names = new Map(all.map(({ module, name }) => [module, name]))
  for (const page of globSync('**/*.md', { cwd: folder })) {
    const file = path.join(folder, page)
    const text = readFileSync(file, 'utf8')
      .replace(/^# (.*)$/m, (line, module: string) => (names.has(module) ? `# ${names.get(module)}` : line))
      .replaceAll(/^- \[([^\]]+)\]/gm, (line, module: string) =>
        names.has(module) ? `- [${names.get(module)}]` : line,
      )
    writeFileSync(file, withAnchors(text))
  }
}

/** typedoc counts names that come twice where there is one heading only. */
function withAnchors(text: string): string {
  const slugs = [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = '']) => slug(title))
  return text.replaceAll(/\]\(#([\w-]+?)(-\d+)?\)/g, (link, name: string) =>
    slugs.filter((one) => one === name).length === 1 ? `](#${name})` : link,
  )
}

function entries(): Entry[] {
  return (
    globSync('packages/*/package.json', { cwd: root })
      // What several export is told where it is made.
      .toSorted(
        (a, b) => Number(b.includes('/gateway/')) - Number(a.includes('/gateway/')) || a.localeCompare(b),
      )
      .flatMap((manifestFile) => {
        const {
          name,
          private: hidden,
          exports,
        } = JSON.parse(readFileSync(path.join(root, manifestFile), 'utf8'))
        if (hidden === true) return []
        return Object.entries(exports as Record<string, string>).flatMap(([key, target]) => {
          if (!target.endsWith('.ts')) return []
          const file = path.join(path.dirname(manifestFile), target)
          const module = path.relative('packages', file).replace(/(?:\/index)?\.ts$/, '')
          return [{ name: `${name}${key.slice(1)}`, file: path.join(root, file), module }]
        })
      })
  )
}
