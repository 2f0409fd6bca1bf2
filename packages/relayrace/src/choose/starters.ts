/** Small projects to begin with: each runs after `npm install`. */

import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { ConfigError } from '../config.ts'
import type { Starter } from './questions.ts'

export interface Project {
  readonly starter: Starter
  /** One of ours; services know it as an option of their configuration. */
  readonly strategy: string
}

/** What makes a gateway, by package. */
const factories: Readonly<Record<string, string>> = {
  'pipe-proxy': 'createPipeProxy',
  'reverse-proxy': 'createReverseProxy',
  'dispatch-proxy': 'createDispatchProxy',
  'fetch-proxy': 'createFetchProxy',
  'duplex-server': 'createDuplexGateway',
}

/** The files, by name. */
export function filesOf(
  { starter, strategy }: Project,
  version: string,
  name = 'my-proxy',
): Readonly<Record<string, string>> {
  const { main, page, packages, start = 'node main.js', about } = starters[starter](strategy)
  const file = main.name
  const manifest = {
    name,
    private: true,
    type: 'module',
    engines: { node: '>=22.19.0' },
    scripts: { start },
    dependencies: Object.fromEntries(packages.map((name) => [name, versionOf(name, version)])),
  }
  return {
    'package.json': `${JSON.stringify(manifest, undefined, 2)}\n`,
    [file]: main.text,
    ...(page !== undefined && { 'index.html': page }),
    'README.md': `# ${name}\n\n${about}\n\n\`\`\`sh\nnpm install\nnpm start\n\`\`\`\n`,
  }
}

/** Writes them. @throws {ConfigError} before anything is written, when one of them is there already. */
export function writeProject(folder: string, project: Project, version: string): string[] {
  const files = Object.entries(filesOf(project, version, nameOf(folder)))
  const there = files.map(([name]) => path.join(folder, name)).filter((name) => existsSync(name))
  if (there.length > 0)
    throw new ConfigError(
      `${there.join(', ')} is there already: name an empty folder, or one that does not exist`,
    )
  mkdirSync(folder, { recursive: true })
  for (const [name, text] of files) writeFileSync(path.join(folder, name), text)
  return files.map(([name]) => path.join(folder, name))
}

/** What npm takes for a name. */
const nameOf = (folder: string): string =>
  path
    .basename(path.resolve(folder))
    .toLowerCase()
    .replaceAll(/[^a-z\d._-]+/g, '-')
    .replace(/^[._-]+/, '') || 'my-proxy'

/** Ours are released together. */
const versionOf = (name: string, version: string): string =>
  name.startsWith('@relayrace/') || name === 'relayrace' ? version : (foreign[name] ?? '*')

const foreign: Readonly<Record<string, string>> = { vite: '^8.0.0' }

interface Written {
  readonly main: { readonly name: string; readonly text: string }
  /** Seen at the address that is printed. */
  readonly page?: string
  readonly packages: readonly string[]
  readonly start?: string
  readonly about: string
}

const ended = `process.once('SIGTERM', () => void gateway.close())\n`
const upstream = `process.env.UPSTREAM ?? 'http://127.0.0.1:9000'`
const port = 'Number(process.env.PORT ?? 8080)'

const starters: Readonly<Record<Starter, (strategy: string) => Written>> = {
  proxy: (strategy) => ({
    about: 'Everything on port 8080 goes to `UPSTREAM`, http://127.0.0.1:9000 unless it is set.',
    packages: [`@relayrace/${strategy}`],
    main: script(`import { ${factory(strategy)} } from '@relayrace/${strategy}'

const gateway = ${factory(strategy)}({
  upstream: ${upstream},
  onEnd: ({ method, target, status, outcome }) => console.log(method, target, status, outcome),
})
const { url } = await gateway.listen({ port: ${port} })
console.log(\`Listening on \${url.href}\`)
${ended}`),
  }),

  websocket: (strategy) => ({
    about:
      'WebSockets and requests alike need the cookie `session=$SESSION`, which a login of yours would set, and a WebSocket comes from a page at `ORIGIN`, http://localhost:8080 unless it is set; then they go to `UPSTREAM`.',
    packages: [`@relayrace/${strategy}`],
    main: script(`import { ${factory(strategy)} } from '@relayrace/${strategy}'

const { SESSION, ORIGIN = 'http://localhost:8080' } = process.env
if (!SESSION) throw new Error('SESSION is not set: SESSION=a-secret npm start')

/** Where your sessions are. */
const users = new Map([[SESSION, 'ann']])

const gateway = ${factory(strategy)}({
  upstream({ request }) {
    const [, session = ''] = /(?:^|; )session=([^;]+)/.exec(request.fields.get('cookie') ?? '') ?? []
    const user = users.get(session)
    if (user === undefined) return { status: 401 }
    // A browser sends cookies for every page that asks. Only this field says whose page it is; who opens a page sends none.
    const isSafe = ['GET', 'HEAD'].includes(request.method) && !request.fields.has('upgrade')
    if (!isSafe && request.fields.get('origin') !== ORIGIN) return { status: 403 }
    return { to: ${upstream}, rewrite: ({ fields }) => fields.set('X-User', user) }
  },
})
const { url } = await gateway.listen({ port: ${port} })
console.log(\`Listening on \${url.href}\`)
${ended}`),
  }),

  services: (strategy) => ({
    about:
      '`/api/app1/` and `/api/app2/` go to services of their own, each request with an `X-API-Token`. The hash in relayrace.yaml is that of `change-me`: `printf %s "$TOKEN" | npx relayrace hash` makes another.',
    packages: ['relayrace'],
    start: 'relayrace serve relayrace.yaml',
    main: {
      name: 'relayrace.yaml',
      text: `listen: { port: 8080 }
strategy: ${strategy}
middleware:
  - requestId: true
  - tokens: { client: ${changeMe} }
routes:
  - { path: /api/app1/, to: http://127.0.0.1:9001, replace: / }
  - { path: /api/app2/, to: http://127.0.0.1:9002, replace: / }
admin: { port: 9901 }
`,
    },
  }),

  'dev-server': (strategy) => ({
    about: 'Vite on port 8080, with `/api` at `UPSTREAM`, WebSockets included.',
    packages: [`@relayrace/${strategy}`, '@relayrace/mount', 'vite'],
    start: 'vite --port 8080',
    page: '<!doctype html>\n<title>A page by Vite</title>\n<p>What is below <a href="/api/">/api/</a> comes from the service.\n',
    main: {
      name: 'vite.config.js',
      text: `import { viteGateway } from '@relayrace/mount/vite'
import { ${factory(strategy)} } from '@relayrace/${strategy}'

const gateway = ${factory(strategy)}({ upstream: ${upstream} })

export default { plugins: [viteGateway(gateway, { prefix: '/api' })] }
`,
    },
  }),

  handler: () => ({
    about: 'A fetch handler, for whatever serves one: `bun main.js`, `deno serve main.js`, a worker.',
    packages: ['@relayrace/fetch-proxy'],
    start: 'deno serve --allow-net --allow-env main.js',
    main: script(`import { createFetchHandler } from '@relayrace/fetch-proxy/fetch'

export default createFetchHandler({ upstream: 'http://127.0.0.1:9000' })
`),
  }),

  'public-urls': (strategy) => ({
    about: '`/download?url=…` fetches what a user names, and nothing from the network it runs in.',
    packages: [`@relayrace/${strategy}`],
    main: script(`import { ${factory(strategy)}, guarded } from '@relayrace/${strategy}'

const gateway = ${factory(strategy)}({
  ...guarded({
    destination: ({ request }) => {
      const { pathname, searchParams } = new URL(request.target, 'http://localhost')
      return pathname === '/download' ? (searchParams.get('url') ?? undefined) : undefined
    },
  }),
  limits: { responseBody: 1024 ** 3, exchanges: 100 },
})
const { url } = await gateway.listen({ port: ${port} })
console.log(\`Listening on \${url.href}\`)
${ended}`),
  }),

  echo: () => ({
    about: 'An echo that answers while it is still being asked: `curl -T - http://127.0.0.1:8080`.',
    packages: ['@relayrace/duplex-server'],
    main: script(`import { createDuplexServer } from '@relayrace/duplex-server'

const gateway = createDuplexServer(async (request, response) => {
  response.writeHead(200, { 'Content-Type': 'application/octet-stream' })
  for await (const piece of request) await response.write(piece)
  response.end()
})
const { url } = await gateway.listen({ port: ${port} })
console.log(\`Listening on \${url.href}\`)
${ended}`),
  }),
}

/** `printf %s change-me | relayrace hash` */
const changeMe = 'e2186dbdb1bb4193608605e84f33208765b5693b55edd4f730a719a100eeea6f'

const script = (text: string): Written['main'] => ({ name: 'main.js', text })

function factory(strategy: string): string {
  const name = factories[strategy]
  if (name === undefined)
    throw new ConfigError(
      `no project is written with ${strategy}: it is no package of ours, and its own documents say how to begin`,
    )
  return name
}
