/** URI: the request target passes as it came. RFC 9112 §3.2, RFC 9110 §7.7 and §9. */

import { startBystander } from '../bystander.ts'
import { type Case, each, get, head, reply, type Setup, type Stage } from '../case.ts'
import { answered, check, complete, equal } from '../expect.ts'
import { refuses, refusesOrReads } from '../refusal.ts'

const under = (base: string): Setup => ({
  name: `under the base path ${base}`,
  options: {},
  upstream: ({ host }) => new URL(`http://${host}${base}`),
})
const underB = under('/b')
const underSlash = under('/b/')
const underQuery = under('/b?q=1')

export const uri: readonly Case[] = [
  {
    id: 'URI-01',
    rule: 'RFC 9110 §7.7',
    level: 'MUST',
    title: 'forwards path and query byte for byte',
    run: each(
      {
        'an encoded slash': '/a%2Fb/c;d?e=%2f',
        'encoded letters': '/%41%7e%2D?%61=%62',
        'either case of digits': '/%c3%A9%C3%a9',
        'empty segments': '/a//b///c/?',
        'everything a path may have': "/-._~!$&'()*+,;=:@",
        'everything a query may have': "/?-._~!$&'()*+,;=:@/?/",
        'a colon in the first segment': '/a:80/b',
        'what looks like a URL': '/http://evil.example/p?u=http://evil.example/',
        'an encoded NUL and line end': '/a%00b%0d%0aX:%201',
      },
      (stage, target) => sameOrRefused(stage, target, target.includes('%00') ? undefined : []),
    ),
  },
  {
    id: 'URI-02',
    rule: 'RFC 9110 §7.7, RFC 9112 §3.2',
    level: 'MUST',
    title: 'neither resolves nor repairs a path: it forwards it byte for byte or refuses it',
    run: each(
      {
        'dot segments': '/a/./b/../c',
        'dot segments over an encoded slash': '/a%2Fb/../c;d?e=f',
        'dot segments at the end': '/a/..',
        'encoded dot segments': '/a/%2e%2e/%2E/c',
        'an encoded backslash': '/a%5C..%5Cb',
        backslash: '/a\\b',
        quotes: '/a"b',
        braces: '/{a}',
        'a bar': '/a|b?c|d',
        backquote: '/`',
        caret: '/^',
        angles: '/<a>',
        brackets: '/[a]?b[]=c',
        'a percent sign alone': '/%zz?e=%zz|f',
        'half an encoded byte': '/a%2',
        'bytes beyond ASCII': '/caf\xc3\xa9?\xe9',
        fragment: '/a#b',
      },
      (stage, target) => sameOrRefused(stage, target),
    ),
  },
  {
    id: 'URI-03',
    rule: 'ours: a path that begins with two slashes is no authority (RFC 3986 §4.2)',
    level: 'MUST',
    title: 'takes no part of a path for the authority to go to',
    run: each(
      {
        'two slashes': '//evil.invalid/p?q',
        'three slashes': '///evil.invalid/p',
        'slash and backslash': '/\\evil.invalid/p',
        'two backslashes': '/\\\\evil.invalid',
        userinfo: '//user@evil.invalid/p',
        'a port': '//127.0.0.1:1/p',
        'only slashes': '//',
        'at sign first': '/@evil.invalid/p',
        'a tab': '/\t/evil.invalid/p',
      },
      (stage, target) => sameOrRefused(stage, target),
    ),
  },
  {
    id: 'URI-04',
    rule: 'RFC 9112 §3.2.2',
    level: 'MUST',
    title: 'takes the absolute form for its own origin, with the host that the form names, or refuses it',
    run: each(
      {
        'a path and a query': ['/p?q', '/p?q'],
        'no path': ['', '/'],
        'a query alone': ['?q', '/?q'],
        'dot segments': ['/a/../b', '/a/../b'],
        'an encoded slash': ['/a%2Fb', '/a%2Fb'],
      },
      async (stage, [rest = '', target = '']) => {
        await using bystander = await startBystander()
        const { host } = bystander
        await refusesOrReads(stage, head(`GET http://${host}${rest} HTTP/1.1`, 'Host: stale.example'), {
          statuses: [400, 403, 404, 421],
          look: (request) => {
            equal(request.target, target, 'the request target at the origin')
            const at = request.all('host').join(' / ')
            check(at !== 'stale.example', 'it kept the Host that the absolute form overrides')
            check([host, stage.origin.url.host].includes(at), `Host at the origin is ${at}, not ${host}`)
          },
        })
        equal(bystander.visits(), 0, 'the number of connections to the host that the request named')
      },
    ),
  },
  {
    id: 'URI-05',
    rule: 'RFC 9110 §7.7',
    level: 'SHOULD',
    title: 'forwards a query as it came, however odd',
    run: each(
      {
        'an empty query': '/p?',
        'a query of question marks': '/p??',
        repeats: '/p?a=1&a=2;b=3&&=&',
        plus: '/p?a+b%2Bc',
        'an encoded space': '/p?a%20b',
        'a query of the root': '/?x',
        'no pairs': '/p?a/b?c',
        'encoded where it need not be': '/p?%61=%7E',
        'an apostrophe': "/p?a='b'",
      },
      (stage, target) => sameOrRefused(stage, target, []),
    ),
  },
  {
    id: 'URI-06',
    rule: 'RFC 9112 §3.2.4',
    level: 'MUST',
    title: 'forwards OPTIONS * as it is, or answers it; and refuses * with any other method',
    run: {
      'OPTIONS *': async ({ ask, recover }) => {
        const { client, exchange, response } = await ask(head('OPTIONS * HTTP/1.1', 'Host: a'))
        if (exchange) {
          equal((await exchange.done()).target, '*', 'the request target at the origin')
          exchange.send(reply('ok'))
        }
        const { status, startLine } = complete(await response)
        const fine = (status >= 200 && status < 300) || [400, 403, 404, 405, 501].includes(status)
        check(fine, `the response is ${startLine}`)
        await recover(client)
      },
      'GET *': async (stage) => {
        await refuses(stage, head('GET * HTTP/1.1', 'Host: a'))
      },
    },
  },
  {
    id: 'URI-07',
    rule: 'ours: everything below the base path, and nothing beside it',
    level: 'MUST',
    title: 'puts its base path before every target, with one slash between, and lets none leave it',
    run: {
      ...joins('under /b', underB, {
        '/x': '/b/x',
        '/': '/b/',
        '/?q': '/b/?q',
        '//x': '/b//x',
        '/x/?': '/b/x/?',
        '/x%2Fy': '/b/x%2Fy',
        '/b/x': '/b/b/x',
      }),
      ...joins('under /b/', underSlash, { '/x': '/b/x', '/': '/b/', '/?q': '/b/?q', '/x?': '/b/x?' }),
      ...joins('under /b?q=1', underQuery, {
        '/x': '/b/x?q=1',
        '/x?': '/b/x?q=1',
        '/x?r=2': '/b/x?q=1&r=2',
      }),
      ...Object.fromEntries(
        [
          '/../x',
          '/%2e%2e/x',
          '/.%2E/x',
          '/a/../../x',
          '/..%2fx',
          '/..;/x',
          '/..\\x',
          '/%2e%2e%2fx',
          '/..',
        ].map((target) => [
          `${target} stays below`,
          { setup: underB, run: (stage: Stage) => staysBelow(stage, target) },
        ]),
      ),
      'the absolute form stays below': {
        setup: underB,
        run: (stage) => staysBelow(stage, 'http://a/../x'),
      },
    },
  },
  {
    id: 'URI-09',
    rule: 'RFC 9110 §9.1',
    level: 'MUST',
    title: 'forwards a method as it is written, or refuses it',
    run: each(
      {
        get: 'get',
        Post: 'Post',
        PATCH: 'PATCH',
        patch: 'patch',
        QUERY: 'QUERY',
        PURGE: 'PURGE',
        PROPFIND: 'PROPFIND',
        'M-SEARCH': 'M-SEARCH',
        'one unheard of': 'UNHEARD-OF',
        'every character': "!#$%&'*+-.^_`|~09aZ",
        'a long one': 'A'.repeat(40),
      },
      (stage, method) =>
        refusesOrReads(stage, head(`${method} /uri HTTP/1.1`, 'Host: a'), {
          statuses: [400, 405, 501],
          look: (request) => equal(request.method, method, 'the method at the origin'),
        }),
    ),
  },
  {
    id: 'URI-10',
    rule: 'RFC 9112 §3',
    level: 'SHOULD',
    title: 'refuses a request line that is none, or with too much space in it reads its words',
    run: {
      ...each(
        {
          'a space in the target': 'GET /a b HTTP/1.1',
          'no target': 'GET HTTP/1.1',
          'a NUL in the target': 'GET /\x00 HTTP/1.1',
          'a DEL in the target': 'GET /\x7f HTTP/1.1',
          'a colon in the method': 'G:T /uri HTTP/1.1',
          'a slash in the method': 'G/T /uri HTTP/1.1',
        },
        async (stage, line) => {
          await refuses(stage, head(line, 'Host: a'), { silently: true })
        },
      ),
      ...each(
        {
          'two spaces before the target': 'GET  /uri HTTP/1.1',
          'two spaces before the version': 'GET /uri  HTTP/1.1',
          'a tab for a space': 'GET\t/uri HTTP/1.1',
          'a space before the method': ' GET /uri HTTP/1.1',
          'a space after the version': 'GET /uri HTTP/1.1 ',
          'form feeds for spaces': 'GET\x0c/uri\x0cHTTP/1.1',
        },
        (stage, line) =>
          refusesOrReads(stage, head(line, 'Host: a'), {
            silently: true,
            look: (request) =>
              equal(request.startLine, 'GET /uri HTTP/1.1', 'the request line at the origin'),
          }),
      ),
    },
  },
  {
    id: 'URI-11',
    rule: 'RFC 9112 §3.2',
    level: 'SHOULD',
    title: 'refuses a target that has none of the four forms',
    run: each(
      {
        'no slash': 'uri',
        'a query alone': '?uri',
        'an authority with GET': 'a.example:80',
        'a path of dots': '../uri',
        'another scheme': 'file:///etc/passwd',
        'a script': 'javascript:alert(1)',
        'no host': 'http:///uri',
        'a fragment alone': '#uri',
      },
      async (stage, target) => {
        await refuses(stage, head(`GET ${target} HTTP/1.1`, 'Host: a'), { silently: true })
      },
    ),
  },
  {
    id: 'URI-12',
    rule: 'RFC 9112 §3',
    level: 'SHOULD',
    title: 'takes request lines of 8000 bytes',
    run: each({ path: '/', query: '/?' }, (stage, start) =>
      sameOrRefused(stage, start + 'x'.repeat(8000 - 'GET  HTTP/1.1'.length - start.length), []),
    ),
  },
  {
    id: 'URI-13',
    rule: 'RFC 9112 §3.2.4',
    level: 'MUST',
    title: 'makes OPTIONS * of OPTIONS with an absolute form that has no path, or answers it',
    async run({ ask, recover, origin }) {
      const { client, exchange, response } = await ask(
        head(`OPTIONS http://${origin.url.host} HTTP/1.1`, `Host: ${origin.url.host}`),
      )
      if (exchange) {
        equal((await exchange.done()).target, '*', 'the request target at the origin')
        exchange.send(reply('ok'))
      }
      complete(await response)
      await recover(client)
    },
  },
]

/** The same bytes at the origin; or no request there, if it may be refused. */
async function sameOrRefused(
  stage: Stage,
  target: string,
  statuses: readonly number[] = [400, 403, 404, 414, 421],
): Promise<void> {
  await refusesOrReads(stage, get(target), {
    statuses,
    look: (request) => equal(request.target, target, 'the request target at the origin'),
  })
}

function joins(where: string, setup: Setup, table: Readonly<Record<string, string>>) {
  return Object.fromEntries(
    Object.entries(table).map(([target, expected]) => [
      `${target} ${where}`,
      {
        setup,
        run: async ({ exchange }: Stage) => {
          const { request, response } = await exchange(get(target), reply('ok'))
          answered(response, 200, 'ok')
          equal(request.target, expected, 'the request target at the origin')
        },
      },
    ]),
  )
}

/** However the origin may decode and resolve what it gets, it is below the base path. */
async function staysBelow(stage: Stage, target: string): Promise<void> {
  await refusesOrReads(stage, get(target), {
    look: (request) => {
      let path = request.target.split('?')[0] ?? ''
      for (let round = 0; round < 3; round++)
        path = path.replace(/%[0-9a-f]{2}/gi, (code) =>
          String.fromCharCode(Number.parseInt(code.slice(1), 16)),
        )
      const segments: string[] = []
      for (const segment of path
        .replaceAll('\\', '/')
        .replaceAll(/;[^/]*/g, '')
        .split('/')
        .slice(1)) {
        if (segment === '..') segments.pop()
        else if (segment !== '.') segments.push(segment)
      }
      check(
        segments[0] === 'b',
        `the request target at the origin is ${request.target}, which leaves the base`,
      )
    },
  })
}
