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
      const file = await authorityFile(over)
      return { NODE_EXTRA_CA_CERTS: file, SSL_CERT_FILE: file }
    },
  }
}

/** The certificate is right in everything but that nobody told the target to trust who signed it. */
export const unknownAuthority: Setup = {
  name: 'with a TLS origin whose authority it does not know',
  answers: false,
  tls: async () => pick(await certificates(), 'server'),
}

const pick = (all: Certificates, show: Server): { cert: string; key: string } => {
  const { cert, key } = all[show]
  return { cert, key }
}

async function authorityFile(over: AbortSignal): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'relayrace-'))
  over.addEventListener('abort', () => rmSync(folder, { recursive: true, force: true }), { once: true })
  const file = path.join(folder, 'authority.pem')
  const { ca } = await certificates()
  await writeFile(file, ca)
  return file
}
