/** Setups with an origin that speaks TLS, and with what the target is told to trust. */

import { rmSync } from 'node:fs'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type Certificates, certificates } from '@relayrace/fixtures/certificates'
import type { Setup } from './case.ts'

type Server = 'server' | 'wrongHost' | 'expired' | 'selfSigned'

/** The target trusts our authority, and the origin shows this certificate. */
export function secureOrigin(name: string, show: Server): Setup {
  return {
    name,
    ...(show === 'server' ? {} : { answers: false }),
    tls: async () => pick(await certificates(), show),
    // Node.js and Go are told in this way. To others, no certificate of ours is good.
    env: async (over) => {
      const authority = await file((await certificates()).ca, over)
      return { NODE_EXTRA_CA_CERTS: authority, SSL_CERT_FILE: authority }
    },
  }
}

/** The certificate is right in everything but that nobody told the target to trust who signed it. */
export const unknownAuthority: Setup = {
  name: 'with a TLS origin whose authority it does not know',
  answers: false,
  tls: async () => pick(await certificates(), 'server'),
}

/** The target speaks TLS with its clients, and there HTTP/2 as well. */
export const terminatesTls: Setup = terminatingTls('with a certificate of its own')

/** And is told more than that. */
export function terminatingTls(name: string, more: Readonly<Record<string, number>> = {}): Setup {
  return {
    name,
    options: async (over) => {
      const { cert, key } = (await certificates()).server
      return { 'tls.cert': await file(cert, over), 'tls.key': await file(key, over), ...more }
    },
  }
}

const pick = (all: Certificates, show: Server): { cert: string; key: string } => {
  const { cert, key } = all[show]
  return { cert, key }
}

/** A file that is there until the setup is no longer needed. */
async function file(content: string, over: AbortSignal): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'relayrace-'))
  over.addEventListener('abort', () => rmSync(folder, { recursive: true, force: true }), { once: true })
  const name = path.join(folder, 'it.pem')
  await writeFile(name, content)
  return name
}
