/** What a gateway program can be told about TLS, on both of its sides. */

import { X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { SecureVersion, TlsOptions } from 'node:tls'
import type { UpstreamTls } from '../contract/gateway.ts'
import { CertificateFiles, type CertificatePaths, readPair } from '../http/certificates.ts'

export const tlsFlags = {
  'tls.cert': { type: 'string' },
  'tls.key': { type: 'string' },
  'tls.sni': { type: 'string', multiple: true },
  'tls.minVersion': { type: 'string' },
  'tls.alpn': { type: 'string' },
  'upstream-tls.ca': { type: 'string' },
  'upstream-tls.cert': { type: 'string' },
  'upstream-tls.key': { type: 'string' },
  'upstream-tls.servername': { type: 'string' },
  'upstream-tls.minVersion': { type: 'string' },
  'upstream-tls.insecure': { type: 'boolean' },
} as const

export const tlsHelp: readonly string[] = [
  '',
  'TLS toward clients (files are PEM; read again when they change and on SIGHUP)',
  '  --tls.cert FILE --tls.key FILE   terminate TLS with this certificate',
  '  --tls.sni NAME=CERT,KEY          another one for this server name, such as *.example.org; may be repeated',
  '  --tls.minVersion TLSv1.3         default TLSv1.2',
  '  --tls.alpn http/1.1,http/1.0     the protocols to offer, with commas; default: all that it speaks',
  '',
  'TLS toward an https: upstream, whose certificate is verified',
  '  --upstream-tls.ca FILE           authorities to trust instead of the usual ones',
  '  --upstream-tls.cert FILE --upstream-tls.key FILE   who we are, for mutual TLS',
  '  --upstream-tls.servername NAME   the name to ask and to verify for, if it is not the host of the URL',
  '  --upstream-tls.minVersion TLSv1.3',
  '  --upstream-tls.insecure          verify nothing',
]

type Values = Readonly<Record<string, string | boolean | readonly string[] | undefined>>

export interface ServerTls {
  readonly files: CertificateFiles
  readonly tls: TlsOptions
}

/** @throws TypeError for flags that make no sense, and whatever reading the files throws. */
export function serverTls(values: Values): ServerTls | undefined {
  const main = pair(values['tls.cert'], values['tls.key'], 'tls')
  const named = new Map(((values['tls.sni'] ?? []) as readonly string[]).map(parseName))
  if (main === undefined) {
    if (Object.keys(values).some((flag) => flag.startsWith('tls.')))
      throw new TypeError('--tls.cert and --tls.key come first: they are for clients that name no server')
    return undefined
  }
  const files = new CertificateFiles(main, named)
  const alpn = values['tls.alpn'] as string | undefined
  const tls: TlsOptions = {
    ...files.tls,
    ...version('tls', values['tls.minVersion']),
    ...(alpn !== undefined && { ALPNProtocols: alpn.split(',') }),
  }
  return { files, tls }
}

export function upstreamTls(values: Values): UpstreamTls {
  const us = pair(values['upstream-tls.cert'], values['upstream-tls.key'], 'upstream-tls')
  const ca = values['upstream-tls.ca'] as string | undefined
  const servername = values['upstream-tls.servername'] as string | undefined
  return {
    ...(ca !== undefined && { ca: readAuthorities(ca) }),
    ...(us !== undefined && readPair(us)),
    ...(servername !== undefined && { servername }),
    ...version('upstream-tls', values['upstream-tls.minVersion']),
    ...(values['upstream-tls.insecure'] === true && { rejectUnauthorized: false }),
  }
}

/** OpenSSL passes over what is no certificate, and then trusts nobody. */
function readAuthorities(file: string): Buffer {
  const read = readFileSync(file)
  try {
    new X509Certificate(read)
  } catch (cause) {
    throw new TypeError(`--upstream-tls.ca ${file}: ${(cause as Error).message}`, { cause })
  }
  return read
}

function pair(cert: Values[string], key: Values[string], group: string): CertificatePaths | undefined {
  if (typeof cert === 'string' && typeof key === 'string') return { cert, key }
  if (cert === undefined && key === undefined) return undefined
  throw new TypeError(`--${group}.cert and --${group}.key go together`)
}

function parseName(text: string): [name: string, paths: CertificatePaths] {
  const [, name, cert, key] = /^([^=]+)=([^,]+),(.+)$/.exec(text) ?? []
  if (name === undefined || cert === undefined || key === undefined)
    throw new TypeError(`--tls.sni takes NAME=CERT,KEY, not ${JSON.stringify(text)}`)
  return [name, { cert, key }]
}

const versions: readonly SecureVersion[] = ['TLSv1.2', 'TLSv1.3']

function version(group: string, text: Values[string]): { minVersion?: SecureVersion } {
  if (text === undefined) return {}
  const minVersion = versions.find((known) => known === text)
  if (minVersion === undefined)
    throw new TypeError(`--${group}.minVersion is one of ${versions.join(', ')}, not ${JSON.stringify(text)}`)
  return { minVersion }
}
