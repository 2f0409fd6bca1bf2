/** What pages the site has: the documents as they stand, with links that lead to pages, or to sources as plain text. */

import { existsSync, globSync, readdirSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'

export const root: string = path.resolve(import.meta.dirname, '..')

/** Where the repository is for those who read a README on npm. */
const home: string = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')).homepage

/**
 * What a link in a document leads to, if that is in this repository: READMEs of packages name it by its whole address.
 * @param document From the root of the repository, as is what is returned.
 */
export function inRepository(document: string, link: string): { file: string; anchor?: string } | undefined {
  const [, place] =
    (link.startsWith(`${home}/`) && /^\/(?:blob|tree)\/main\/(.*)/.exec(link.slice(home.length))) || []
  if (place === undefined && /^[a-z]+:/i.test(link)) return undefined
  const [file = '', anchor] = (place ?? link).split('#')
  const whole = file === '' ? document : path.join(place === undefined ? path.dirname(document) : '', file)
  return { file: whole.replace(/\/$/, ''), ...(anchor !== undefined && { anchor }) }
}

export interface Page {
  /** From the root of the repository. */
  readonly source: string
  /** In the site, as a file: `packages/gateway/index.md`. */
  readonly place: string
  readonly title: string
  readonly text: string
}

/** A file that is copied: from the root of the repository, and in the site. */
export interface Copy {
  readonly source: string
  readonly place: string
  /** It stands beside pages and belongs to them; else it is given out as it is. */
  readonly asset: boolean
}

export interface Site {
  readonly pages: readonly Page[]
  readonly copies: readonly Copy[]
  /** Links that lead nowhere: `docs/tls.md: nowhere.md`. */
  readonly dead: readonly string[]
}

/** The side bar: documents in the order in which one may want them. What is named by a pattern is in that of the alphabet. */
export const sections: readonly { readonly title: string; readonly sources: readonly string[] }[] = [
  { title: 'Begin', sources: ['README.md', 'docs/choosing.md', 'docs/migrating.md', 'examples/README.md'] },
  {
    title: 'How to',
    sources: [
      'docs/downloads.md',
      'docs/uploads.md',
      'docs/model-tokens.md',
      'docs/websocket.md',
      'docs/dev-server.md',
      'docs/services.md',
      'docs/alternatives.md',
      'docs/fetching-urls.md',
      'docs/transport.md',
      'docs/add-a-strategy.md',
    ],
  },
  {
    title: 'Run it',
    sources: [
      'docs/timeouts.md',
      'docs/memory.md',
      'docs/tls.md',
      'docs/security.md',
      'docs/observability.md',
      'docs/load-balancer.md',
      'docs/kubernetes.md',
      'docs/troubleshooting.md',
    ],
  },
  {
    title: 'Results',
    sources: [
      'docs/conformance.md',
      'docs/conformance-node-22.md',
      'bench/results/*/report.md',
      'METHODOLOGY.md',
      'docs/requirements.md',
      'bench/README.md',
    ],
  },
  { title: 'Packages', sources: ['packages/*/README.md'] },
  { title: 'Decisions', sources: ['decisions/*.md'] },
  { title: 'This repository', sources: ['CONTRIBUTING.md', 'SECURITY.md', 'fixtures/README.md'] },
]

export interface MemoryFigure {
  readonly name: string
  /** MiB. */
  readonly busy: number
  /** KiB each. */
  readonly stalled: number
  readonly kernel: number
  readonly waiting: number
}

/** Of the table in docs/memory.md, which comes from the newest results: what the calculator on that page goes by. */
export function memoryFigures(): MemoryFigure[] {
  const text = readFileSync(path.join(root, 'docs/memory.md'), 'utf8')
  const rows = text.matchAll(/^\| \*\*([\w-]+)\*\* \| ([^|]+) \| ([^|]+) \| ([^|]+) \| ([^|]+) \|/gm)
  const figure = (cell = ''): number => Number(cell.replaceAll(/\s/g, ''))
  return [...rows].map(([, name = '', busy, stalled, kernel, waiting]) => ({
    name,
    busy: figure(busy),
    stalled: figure(stalled),
    kernel: figure(kernel),
    waiting: figure(waiting),
  }))
}

const exclude = ['**/node_modules', '**/.cache', '**/CHANGELOG.md']

export const expand = (pattern: string): string[] => globSync(pattern, { cwd: root, exclude }).toSorted()

export function gather(): Site {
  const queue = expand(
    '{*.md,{docs,decisions,bench,fixtures,examples}/**/*.md,packages/*/{README,src/**/README}.md}',
  )
  const documents = new Set(queue)
  const pages: Page[] = []
  const copies = new Map<string, Copy>()
  const dead: string[] = []
  const copy = (source: string, place: string, asset = false): string => {
    copies.set(source, { source, place, asset })
    return place
  }
  /** Where a file or a folder of the repository is in the site. */
  const placeOf = (target: string): string | undefined => {
    const full = path.join(root, target)
    if (documents.has(target)) return placeOfDocument(target)
    if (!existsSync(full)) return undefined
    if (statSync(full).isDirectory()) {
      const readme = path.join(target, 'README.md')
      if (documents.has(readme)) return placeOfDocument(readme)
      if (!listed.has(target)) {
        listed.add(target)
        pages.push(listing(target))
      }
      return path.join(target, 'index.md')
    }
    if (/\.(?:svg|png)$/.test(target)) return copy(target, target, true)
    return copy(target, /\.(?:html|json)$/.test(target) ? target : `source/${target}.txt`)
  }
  const listed = new Set<string>()
  const listing = (folder: string): Page => {
    const lines = readdirSync(path.join(root, folder), { withFileTypes: true })
      .filter(({ name }) => !/^(?:node_modules|\.)/.test(name))
      .toSorted((a, b) => a.name.localeCompare(b.name))
      .map((entry) => {
        const place = placeOf(path.join(folder, entry.name))
        return place === undefined ? '' : `- [${titleIn(folder, entry.name)}](${linkTo(place)})`
      })
    const text = `# ${folder}\n\n${lines.join('\n')}\n`
    return { source: folder, place: path.join(folder, 'index.md'), title: folder, text }
  }

  for (const source of queue) {
    const before = readFileSync(path.join(root, source), 'utf8')
    const text = withLinks(before, (link) => {
      const target = link.startsWith('#') ? undefined : inRepository(source, link)
      if (target === undefined) return link
      const place = placeOf(target.file)
      if (place === undefined) {
        dead.push(`${source}: ${link}`)
        return link
      }
      return linkTo(place, target.anchor)
    })
    const more = source === 'docs/memory.md' ? '\n## For yours\n\n<MemoryCalculator />\n' : ''
    pages.push({
      source,
      place: placeOfDocument(source),
      title: titleOf(before) ?? source,
      text: text + more,
    })
  }
  return { pages, copies: [...copies.values()], dead }
}

export const placeOfDocument = (source: string): string => source.replace(/README\.md$/, 'index.md')

const titleOf = (text: string): string | undefined => /^# (.+)$/m.exec(text)?.[1]?.replaceAll('`', '')

/** A decision by what it says, anything else by its name. */
function titleIn(folder: string, name: string): string {
  if (!name.endsWith('.md')) return name
  return titleOf(readFileSync(path.join(root, folder, name), 'utf8')) ?? name
}

/** From the root of the site, so that it holds on every page. What is no page is left to the browser. */
function linkTo(place: string, anchor?: string): string {
  const hash = anchor === undefined ? '' : `#${anchor}`
  if (place.endsWith('.md')) return `/${place}${hash}`
  return /\.(?:svg|png)$/.test(place) ? `/${place}` : `/${place}${hash}){target="_self"`
}

/** With another target for each link that stands outside of code. */
function withLinks(text: string, change: (link: string) => string): string {
  return text.replaceAll(/^```.*?^```$|`[^`\n]*`|\]\(([^)\s]+)\)/gms, (whole, link: string | undefined) => {
    if (link === undefined) return whole
    const target = change(link)
    return target.endsWith('"') ? `](${target}}` : `](${target})`
  })
}

/** As GitHub makes anchors of headings, so that a link holds in both places. */
export const slug = (title: string): string =>
  title
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
    .replaceAll(' ', '-')
