/** The site has every document, and who looks at it in a browser can read and use all of it. */

import { spawnSync } from 'node:child_process'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { deadLinks } from '../site/links.ts'
import { expand, gather, memoryFigures, sections } from '../site/pages.ts'
import { serve } from '../site/serve.ts'
import { root } from './workspace.ts'

const { pages, dead } = gather()

test('every link of its pages leads somewhere', () => {
  expect(dead).toEqual([])
})

test('every guide, package and decision is in the side bar', () => {
  const listed = sections.flatMap(({ sources }) => sources.flatMap(expand))
  const wanted = globSync('{docs,decisions}/*.md', { cwd: root })
    .concat(globSync('packages/*/README.md', { cwd: root }))
    .toSorted()
  expect(wanted.filter((document) => !listed.includes(document))).toEqual([])
})

test('what is listed there is a page', () => {
  const sources = pages.map(({ source }) => source)
  const empty = sections.flatMap((section) => section.sources.filter((one) => expand(one).length === 0))
  const listed = sections.flatMap((section) => section.sources.flatMap(expand))
  expect([empty, listed.filter((one) => !sources.includes(one))]).toEqual([[], []])
})

test('what it installs is what its lockfile says', () => {
  const { packageManager } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'))
  const argv = ['--yes', packageManager, 'install', '--frozen-lockfile', '--lockfile-only']
  const { status, stdout } = spawnSync('npx', argv, { cwd: path.join(root, 'site'), encoding: 'utf8' })
  expect([status, status === 0 ? '' : stdout]).toEqual([0, ''])
})

test('the calculator has a figure for each strategy', () => {
  const figures = memoryFigures()
  expect(figures.map(({ name }) => name)).toContain('duplex-server')
  expect(figures.flatMap(({ name: _, ...given }) => Object.values(given)).every((one) => one > 0)).toBe(true)
})

test('what leads nowhere in built pages is found', async () => {
  const folder = path.join(import.meta.dirname, '.cache/built')
  await mkdir(folder, { recursive: true })
  await writeFile(
    path.join(folder, 'index.html'),
    '<h1 id="top">a</h1><a href="/b#c">b</a> <a href="#top">a</a>',
  )
  await writeFile(
    path.join(folder, 'b.html'),
    '<p id="c"><a href="/nowhere">n</a> <a class="x" href="/#left">l</a>',
  )
  expect(deadLinks(folder)).toEqual(['b.html: /nowhere', 'b.html: /#left'])
})

const built = path.join(root, 'site/.cache/dist')
const chromium = (process.env.PATH ?? '')
  .split(path.delimiter)
  .flatMap((folder) =>
    ['chromium', 'chromium-browser', 'google-chrome'].map((name) => path.join(folder, name)),
  )
  .find((file) => existsSync(file))
const missing = !existsSync(path.join(built, 'index.html'))
  ? 'the site is not built: npm run site'
  : chromium === undefined
    ? 'there is no Chromium: apt-get install chromium'
    : undefined

describe.skipIf(missing !== undefined)(`in a browser${missing === undefined ? '' : ` (${missing})`}`, () => {
  let stop: () => unknown
  let browser: Browser
  let href = ''

  beforeAll(async () => {
    const load = createRequire(path.join(root, 'site/package.json'))
    const { chromium: launcher } = load('playwright-core')
    browser = await launcher.launch({ executablePath: chromium, args: ['--no-sandbox'] })
    const served = await serve(built, 0)
    href = served.href
    stop = () => served.close()
  })
  afterAll(async () => {
    await browser?.close()
    stop?.()
  })

  /** Nothing but the site itself can be reached. */
  async function open(place: string, width: number, colorScheme: string): Promise<Page> {
    const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } })
    await context.route('**/*', (route) =>
      route.request().url().startsWith(href) ? route.continue() : route.abort(),
    )
    const page = await context.newPage()
    await page.goto(new URL(place, href).href, { waitUntil: 'networkidle' })
    return page
  }

  const places = {
    'the first page': '/',
    'a guide': '/docs/timeouts',
    'the calculator': '/docs/memory',
    'the matrix': '/docs/conformance',
    'a result of the bench': placeOfResult(),
  }
  const looks = Object.entries(places).flatMap(([name, place]) =>
    [1400, 390].flatMap((width) => ['light', 'dark'].map((scheme) => ({ name, place, width, scheme }))),
  )

  test.each(looks)('$name at $width pixels, $scheme, can be read by all', async (look) => {
    const { place, width, scheme } = look
    const page = await open(place, width, scheme)
    const shots = path.join(root, 'site/.cache/shots')
    const shot = `${place === '/' ? 'index' : path.basename(place)}-${width}-${scheme}.png`
    await page.screenshot({ path: path.join(shots, shot) })
    const axe = createRequire(path.join(root, 'site/package.json')).resolve('axe-core')
    await page.addScriptTag({ path: axe })
    const found = await page.evaluate<{ id: string; nodes: { html: string }[] }[]>(
      'axe.run(document, { resultTypes: ["violations"] }).then(({ violations }) => violations)',
    )
    expect(found.map(({ id, nodes }) => [id, nodes.length, nodes[0]?.html.slice(0, 200)])).toEqual([])
    // No wider than the screen: what is scrolls by itself.
    expect(await page.evaluate<number>('document.documentElement.scrollWidth')).toBeLessThanOrEqual(width)
    await page.context().close()
  })

  test('the calculator answers for other numbers', async () => {
    const page = await open('/docs/memory', 1400, 'light')
    await page.locator('.calculator input').first().fill('0')
    expect(await page.locator('.calculator output').textContent()).toMatch(/^[1-9]\d* MiB .* 0 MiB/)
    await page.context().close()
  })

  test('a search finds a guide, with nothing from elsewhere', async () => {
    const page = await open('/', 1400, 'light')
    await page.keyboard.press('Control+k')
    await page.locator('#localsearch-input').fill('socket hang up')
    await page.locator('.VPLocalSearchBox .result').first().waitFor()
    expect(await page.locator('.VPLocalSearchBox .results').textContent()).toContain('socket hang up')
    await page.context().close()
  })
})

function placeOfResult(): string {
  const source = sections
    .flatMap(({ sources }) => sources.flatMap(expand))
    .find((one) => one.startsWith('bench/results/'))
  return `/${source?.replace(/\.md$/, '')}`
}

/** As much of playwright as is used here; it is installed for the site only. */
interface Browser {
  newContext(options: object): Promise<Context>
  close(): Promise<void>
}
interface Context {
  route(pattern: string, handler: (route: Route) => Promise<void>): Promise<void>
  newPage(): Promise<Page>
  close(): Promise<void>
}
interface Route {
  request(): { url(): string }
  continue(): Promise<void>
  abort(): Promise<void>
}
interface Page {
  goto(url: string, options: object): Promise<unknown>
  screenshot(options: object): Promise<unknown>
  addScriptTag(options: object): Promise<unknown>
  evaluate<T>(script: string): Promise<T>
  locator(selector: string): Locator
  context(): Context
  readonly keyboard: { press(keys: string): Promise<void> }
}
interface Locator {
  fill(text: string): Promise<void>
  first(): Locator
  waitFor(): Promise<void>
  textContent(): Promise<string | null>
}
