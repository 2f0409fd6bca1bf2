/** SEC: what a request must not be able to do. */

import { startBystander } from '../bystander.ts'
import { type Case, each, get, head, reply, type Setup, type Stage } from '../case.ts'
import { answered, check, complete, equal, lacks, truncated, values } from '../expect.ts'
import { refusesOrReads } from '../refusal.ts'
import { secureOrigin, unknownAuthority } from '../secure.ts'

const trusted = secureOrigin('with a TLS origin that it trusts', 'server')
const trustedName: Setup = {
  ...secureOrigin('with a TLS origin that it trusts, by name', 'server'),
  upstream: ({ port }) => new URL(`https://localhost:${port}`),
}

export const sec: readonly Case[] = [
  {
    id: 'SEC-01',
    rule: 'ours: where a gateway goes is for its operator to say (RFC 9110 §17.1)',
    level: 'MUST',
    title: 'dials nobody but its own origin, whatever a request says',
    run: each(
      {
        Host: (host: string) => head('GET /sec HTTP/1.1', `Host: ${host}`),
        'the absolute form': (host: string) => head(`GET http://${host}/sec HTTP/1.1`, `Host: ${host}`),
        'an absolute form of https': (host: string) =>
          head(`GET https://${host}/sec HTTP/1.1`, `Host: ${host}`),
        'a path like an authority': (host: string) => get(`//${host}/sec`),
        'a path like a URL': (host: string) => get(`/http://${host}/sec`),
        'userinfo in the path': (host: string) => get(`@${host}/sec`),
        'X-Forwarded-Host': (host: string) =>
          get('/sec', `X-Forwarded-Host: ${host}`, 'X-Forwarded-Proto: http', `X-Host: ${host}`),
        Forwarded: (host: string) => get('/sec', `Forwarded: host="${host}"`),
        'X-Original-URL': (host: string) =>
          get('/sec', `X-Original-URL: http://${host}/`, `X-Rewrite-URL: http://${host}/`),
        Referer: (host: string) => get('/sec', `Referer: http://${host}/`, `Origin: http://${host}`),
        CONNECT: (host: string) => head(`CONNECT ${host} HTTP/1.1`, `Host: ${host}`),
      },
      async ({ ask }, request) => {
        await using bystander = await startBystander()
        const text = request(bystander.host)
        const to = text.startsWith('CONNECT') ? { to: 'CONNECT' } : {}
        const { client, exchange, response } = await ask(text, to)
        exchange?.send(reply('ok'))
        // Refused or served; but by whom?
        const answer = await response.catch((error) => {
          if (client.ending) return undefined
          throw error
        })
        if (answer && !exchange)
          check(answer.status >= 400, `it answered ${answer.startLine} without asking its origin`)
        equal(bystander.visits(), 0, 'the number of connections to the host that the request named')
      },
    ),
  },
  {
    id: 'SEC-02',
    rule: 'RFC 9112 §11.1',
    level: 'MUST',
    title: 'decodes nothing that could end a line, in either direction',
    run: {
      ...each(
        {
          'in a path': '/sec%0d%0aX-Evil:%201',
          'in a query': '/sec?a=%0d%0aX-Evil:%201%0d%0a%0d%0aGET%20/evil',
          'twice encoded': '/sec%250d%250aX-Evil:%201',
          'an overlong LF': '/sec%c0%8aX-Evil:%201',
          'a character that loses its upper byte': '/sec\xe5\x98\x8a\xe5\x98\x8dX-Evil:1',
        },
        (stage, target) =>
          refusesOrReads(stage, get(target), {
            look: (request) => {
              lacks(request, 'x-evil', 'the request at the origin')
            },
          }),
      ),
      'in Location and Set-Cookie': async ({ exchange, recover }) => {
        const told = ['Location: /x%0d%0aX-Evil:%201', 'Set-Cookie: a=%0d%0aX-Evil:1; Path=/%0a']
        const { client, response } = await exchange(
          get('/sec'),
          head('HTTP/1.1 302 Found', 'Content-Length: 0', ...told),
        )
        answered(response, 302, '')
        lacks(response, 'x-evil', 'the response')
        values(response, 'location', ['/x%0d%0aX-Evil:%201'], 'the response')
        values(response, 'set-cookie', ['a=%0d%0aX-Evil:1; Path=/%0a'], 'the response')
        await recover(client)
      },
    },
  },
  {
    id: 'SEC-03',
    rule: 'RFC 9110 §4.3.4',
    level: 'MUST',
    title:
      'verifies the certificate of the origin, and answers 502 rather than ask someone who may be another',
    run: {
      'for another host': {
        setup: secureOrigin('with a certificate for another host', 'wrongHost'),
        run: isNotAsked,
      },
      expired: { setup: secureOrigin('with a certificate that has expired', 'expired'), run: isNotAsked },
      'signed by itself': {
        setup: secureOrigin('with a certificate that is signed by itself', 'selfSigned'),
        run: isNotAsked,
      },
      'signed by nobody it knows': { setup: unknownAuthority, run: isNotAsked },
    },
  },
  {
    id: 'SEC-04',
    rule: 'RFC 9110 §15.4',
    level: 'MUST',
    title: 'follows no redirect of the origin, and so takes no credentials anywhere',
    run: each({ 301: '301', 302: '302', 307: '307', 308: '308' }, async ({ exchange, origin }, status) => {
      await using bystander = await startBystander()
      const location = `http://${bystander.host}/evil`
      const { response } = await exchange(
        get('/sec', 'Authorization: Basic c2VjcmV0', 'Cookie: secret=1'),
        head(`HTTP/1.1 ${status} Over there`, 'Content-Length: 0', `Location: ${location}`),
      )
      answered(response, Number(status), '')
      values(response, 'location', [location], 'the response')
      equal(bystander.visits(), 0, 'the number of connections to where the redirect points')
      equal(origin.requests.length, 1, 'the number of requests at the origin')
    }),
  },
  {
    id: 'SEC-05',
    rule: 'RFC 9112 §8, §9.8',
    level: 'SHOULD',
    title: 'takes a response that ends with a TLS connection for complete only when that was closed in order',
    setup: trusted,
    run: {
      'cut off': async (stage) => {
        const { client, exchange, response } = await stage.ask(get('/sec'))
        check(exchange !== undefined, 'it answered without asking the origin')
        await exchange.send(`${head('HTTP/1.1 200 OK', 'Connection: close')}half of it`)
        // Without the alert that TLS ends a connection with.
        exchange.connection.close()
        const received = await response
        if (received.status === 502) complete(received)
        else {
          truncated(received)
          await client.ended()
        }
      },
      'closed in order': async ({ ask }) => {
        const { exchange, response } = await ask(get('/sec'))
        check(exchange !== undefined, 'it answered without asking the origin')
        await exchange.send(`${head('HTTP/1.1 200 OK', 'Connection: close')}all of it`)
        exchange.connection.end()
        answered(await response, 200, 'all of it')
      },
    },
  },
  {
    id: 'SEC-06',
    rule: 'RFC 9110 §4.3.4',
    level: 'SHOULD',
    title:
      'asks an origin over TLS that shows a certificate from someone it trusts, for the name it was told',
    run: {
      'for an address': { setup: trusted, run: isAsked },
      'for a name': { setup: trustedName, run: isAsked },
    },
  },
]

async function isAsked({ exchange }: Stage): Promise<void> {
  const { response } = await exchange(get('/sec'), reply('ok'))
  answered(response, 200, 'ok')
}

async function isNotAsked({ ask, origin }: Stage): Promise<void> {
  const { exchange, response } = await ask(get('/sec', 'Authorization: Basic c2VjcmV0'))
  check(exchange === undefined, 'it asked an origin that it could not know')
  answered(await response, 502)
  equal(origin.requests.length, 0, 'the number of requests at the origin')
}
