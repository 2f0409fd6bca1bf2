/** Whether every link of a built site leads to a page that is there, and to a place on it. */

import { existsSync, globSync, readFileSync, statSync } from 'node:fs'
import path from 'node:path'

/** @param built The folder with the pages. @returns What leads nowhere: `docs/tls.html: /nowhere`. */
export function deadLinks(built: string): string[] {
  const pages = globSync('**/*.html', { cwd: built })
  const texts = new Map(pages.map((page) => [page, readFileSync(path.join(built, page), 'utf8')]))
  const places = new Map([...texts].map(([page, text]) => [page, new Set(idsIn(text))]))
  const dead: string[] = []
  for (const [page, text] of texts) {
    for (const link of linksIn(text)) {
      const { pathname, hash, origin } = new URL(link, `http://site/${page}`)
      if (origin !== 'http://site') continue
      const file = fileOf(built, decodeURIComponent(pathname))
      const anchor = decodeURIComponent(hash.slice(1))
      const there = file !== undefined && (anchor === '' || places.get(file)?.has(anchor) !== false)
      if (!there) dead.push(`${page}: ${link}`)
    }
  }
  return dead
}

function fileOf(built: string, pathname: string): string | undefined {
  const name = pathname.slice(1)
  return [name, `${name}.html`, path.join(name, 'index.html')].find((one) => {
    const file = path.join(built, one)
    return existsSync(file) && statSync(file).isFile()
  })
}

const linksIn = (html: string): string[] =>
  [...html.matchAll(/<(?:a|img)\b[^>]*? (?:href|src)="([^"]*)"/g)].map(([, link = '']) =>
    link.replaceAll('&amp;', '&'),
  )

const idsIn = (html: string): string[] => [...html.matchAll(/ id="([^"]+)"/g)].map(([, id = '']) => id)
