import type { Bulk } from './bulk.ts'
import { download } from './download.ts'
import { type Scenario, size } from './scenario.ts'
import { upload } from './upload.ts'

export const sameTls = 'TLS 1.3 with AES-128-GCM, X25519 and a certificate for ECDSA P-256, the same for all'

export const tlsDownload: Scenario<Bulk> = {
  ...download,
  name: 'tls-download',
  title: 'One download over TLS',
  question: 'What does it cost to relay one large response when the proxy speaks TLS with the client?',
  byName: true,
  way: 'tls',
  load: (scale) => `One client takes one body of ${size(scale.size)} as fast as it comes. ${sameTls}.`,
  wrong: `${download.wrong} Also a handshake that fails.`,
}

export const tlsUpload: Scenario<Bulk> = {
  ...upload,
  name: 'tls-upload',
  title: 'One upload over TLS',
  question: 'What does it cost to relay one large request when the proxy speaks TLS with the client?',
  byName: true,
  way: 'tls',
  load: (scale) =>
    `One client sends one body of ${size(scale.size)} with a Content-Length, as fast as it is taken. ${sameTls}.`,
  wrong: `${upload.wrong} Also a handshake that fails.`,
}
