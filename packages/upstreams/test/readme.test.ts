/** The examples of the README run. */

import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import type { Gateway, GatewayOptions } from '@relayrace/gateway'
import { createPipeProxy } from '@relayrace/pipe-proxy'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Upstreams } from '../src/index.ts'
import { answering, connectTo, get } from './stage.ts'

/** What the example exports that has this text in it, with other endpoints. */
async function example<E>(text: string, endpoints: Readonly<Record<string, string>>): Promise<E> {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8')
  let code =
    [...readme.matchAll(/^```ts\n(.*?)^```$/gms)].find(([, block]) => block?.includes(text))?.[1] ?? ''
  for (const [written, real] of Object.entries(endpoints)) {
    expect(code).toContain(written)
    code = code.replaceAll(written, real)
  }
  code = code
    .replaceAll("'@relayrace/upstreams'", "'../../../src/index.ts'")
    .replaceAll(/'@relayrace\/(pipe-proxy)'/g, "'../../../../$1/src/index.ts'")
  const folder = new URL(`../.cache/examples/${process.pid}/`, import.meta.url)
  await mkdir(folder, { recursive: true })
  onTestFinished(() => rm(folder, { recursive: true, force: true }))
  const file = new URL(`${encodeURIComponent(text)}.ts`, folder)
  await writeFile(file, code)
  return import(file.href)
}

async function texts(gateway: Gateway, ...targets: string[]): Promise<(string | number)[]> {
  onTestFinished(() => gateway.close(0))
  const { url } = await gateway.listen()
  const client = await connectTo(url)
  const found: (string | number)[] = []
  for (const target of targets) {
    client.send(get(target))
    const { status, text } = await client.response()
    found.push(status === 200 ? text : status)
  }
  return found
}

describe('the example in the README of', () => {
  test('a gateway in front of three endpoints, one of which is not there', async () => {
    const [one, two] = [await answering('one'), await answering('two')]
    const { gateway } = await example<{ gateway: Gateway }>('leastInFlight()', {
      'http://127.0.0.1:9001': one.url.origin,
      'http://127.0.0.1:9002': two.url.origin,
    })
    const found = await texts(gateway, '/', '/', '/', '/')
    expect(found.toSorted()).toEqual(['one', 'two', 'two', 'two'].toSorted())
  })

  test('a file with endpoints', async () => {
    const one = await answering('one')
    const file = path.join(await mkdtemp(path.join(tmpdir(), 'readme-')), 'list.json')
    onTestFinished(() => rm(path.dirname(file), { recursive: true }))
    await writeFile(file, JSON.stringify([one.url.origin]))
    const { upstreams } = await example<{ upstreams: Upstreams }>('fromFile(', { 'endpoints.json': file })
    onTestFinished(() => upstreams.close())
    expect(await texts(createPipeProxy({ ...upstreams }), '/')).toEqual(['one'])
  })

  test('two sets behind one transport', async () => {
    const [one, two] = [await answering('one'), await answering('two')]
    const options = await example<Pick<GatewayOptions, 'upstream' | 'transport'>>(
      'export function upstream',
      {
        'http://127.0.0.1:9001': one.url.origin,
        'http://127.0.0.1:9003': two.url.origin,
      },
    )
    const { upstream, transport } = options
    const gateway = createPipeProxy({ upstream, ...(transport && { transport }) })
    expect(await texts(gateway, '/users/', '/files/', '/')).toEqual(['one', 'two', 404])
  })
})
