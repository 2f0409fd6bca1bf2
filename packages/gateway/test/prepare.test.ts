import { describe, expect, test } from 'vitest'
import type { Exchange, GatewayOptions, RequestHead } from '../src/application.ts'
import { Fields } from '../src/application.ts'
import { admit, prepare } from '../src/exchange/prepare.ts'
import { resolveSettings } from '../src/exchange/settings.ts'

async function prepared(
  raw: readonly string[],
  options: Partial<GatewayOptions> = {},
  method = 'GET',
  target = '/',
): Promise<unknown> {
  const settings = resolveSettings('here', {
    upstream: 'http://origin.example',
    pseudonym: 'here',
    ...options,
  })
  const request = { method, target, version: '1.1', fields: new Fields([...raw]), secure: false }
  const exchange = {
    request: { ...request, remoteAddress: '192.0.2.1', remotePort: 1 },
  } as unknown as Exchange
  const admitted = admit(settings, { method, target, version: '1.1', raw, upgrade: [] })
  return 'status' in admitted ? admitted : prepare(settings, admitted, exchange)
}

const host = ['Host', 'a']

describe('a request is refused', () => {
  test.each<[string, number, readonly string[], Partial<GatewayOptions>, string]>([
    [
      'with one field more than the limit',
      431,
      [...host, 'A', '1', 'B', '2'],
      { limits: { fields: 2 } },
      'GET',
    ],
    [
      'with content of a byte more than the limit',
      413,
      [...host, 'Content-Length', '9'],
      { limits: { requestBody: 8 } },
      'POST',
    ],
    ['with two Hosts', 400, [...host, ...host], {}, 'GET'],
    ['with TRACE', 405, host, {}, 'TRACE'],
    ['with CONNECT', 501, host, {}, 'CONNECT'],
    ['that has been here', 508, [...host, 'Via', '1.1 here'], {}, 'GET'],
    ['that has been here, and elsewhere', 508, [...host, 'Via', '1.1 here', 'Via', '1.0 there'], {}, 'GET'],
  ])('%s: %i', async (_, status, raw, options, method) => {
    const refused = prepared(raw, options, method)
    await expect(refused).rejects.toMatchObject(status === 508 ? { type: 'proxy_loop_detected' } : { status })
  })
})

describe('a request goes on', () => {
  test.each<[string, readonly string[], Partial<GatewayOptions>]>([
    ['with as many fields as the limit', [...host, 'A', '1'], { limits: { fields: 2 } }],
    ['with as much content as the limit', [...host, 'Content-Length', '8'], { limits: { requestBody: 8 } }],
    ['that has been elsewhere', [...host, 'Via', '1.1 hereabouts'], {}],
  ])('%s', async (_, raw, options) => {
    expect(await prepared(raw, options)).toMatchObject({ out: { method: 'GET', path: '/' } })
  })
})

test.each(['Proxy', 'HTTP2-Settings', 'Content_Length', 'Transfer_Encoding', 'X-Forwarded-Anything'])(
  '%s of a client does not go on',
  async (name) => {
    const { out } = (await prepared([...host, name, '5', 'A', '1'], {})) as { out: RequestHead }
    expect([out.fields.has(name), out.fields.get('a')]).toEqual([false, '1'])
  },
)
