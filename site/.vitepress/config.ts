import path from 'node:path'
import { defineConfig } from 'vitepress'
import { expand, gather, memoryFigures, placeOfDocument, sections, slug } from '../pages.ts'

const titles = new Map(gather().pages.map(({ source, title }) => [source, title]))

const link = (source: string): string => `/${placeOfDocument(source).replace(/(?:index)?\.md$/, '')}`

const sidebar = sections.map(({ title, sources }) => ({
  text: title,
  items: sources
    .flatMap(expand)
    .map((source) => ({ text: titles.get(source) ?? source, link: link(source) })),
}))

export default defineConfig({
  title: 'relayrace',
  description: 'Streaming HTTP through Node: one job, several ways, one suite, one benchmark',
  lang: 'en',
  srcDir: '.cache/pages',
  outDir: '.cache/dist',
  cacheDir: '.cache/vitepress',
  cleanUrls: true,
  // links.ts follows every link of what was built, anchors and sources included.
  ignoreDeadLinks: true,
  themeConfig: {
    search: { provider: 'local' },
    nav: [
      { text: 'Choose', link: link('docs/choosing.md') },
      { text: 'Suite', link: link('docs/conformance.md') },
      { text: 'Results', link: link(expand('bench/results/*/report.md').at(-1) ?? '') },
      { text: 'API', link: '/api/' },
    ],
    sidebar: [...sidebar, { text: 'API', items: [{ text: 'All exports', link: '/api/' }] }],
    outline: [2, 3],
  },
  markdown: {
    anchor: { slugify: slug },
    theme: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    config(md) {
      // What scrolls has to be reached by the keyboard too.
      md.renderer.rules.table_open = () => '<table tabindex="0">\n'
      // As wide as it can be read; on a narrow screen it scrolls too.
      const image = md.renderer.rules.image
      md.renderer.rules.image = (...given) =>
        `<span class="picture" tabindex="0">${image?.(...given) ?? ''}</span>`
      // A head without words is none.
      md.renderer.rules.th_open = (tokens, i) => (tokens[i + 1]?.content === '' ? '<td>' : '<th scope="col">')
      md.renderer.rules.th_close = (tokens, i) => (tokens[i - 1]?.content === '' ? '</td>' : '</th>')
    },
  },
  vite: {
    publicDir: path.resolve(import.meta.dirname, '../.cache/pages/public'),
    define: { __MEMORY__: JSON.stringify(memoryFigures()) },
  },
})
