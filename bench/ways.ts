/** How a scenario has its targets started, where that is not as usual, and what of those that cannot be. */

import { rmSync } from 'node:fs'
import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { certificates, writePair } from '@relayrace/fixtures/certificates'
import type { CertificateFiles, ListedTarget, StartOptions, Way } from '@relayrace/fixtures/target'
import type { KnownLimitRecord } from './report/results.ts'
import type { Scenario } from './scenarios/scenario.ts'

/** What somebody does who has no such way, in the words of a known limit. */
const lacking: Readonly<Record<Way, string>> = {
  tls: 'is not set up here to speak TLS with clients',
  h2: 'speaks no HTTP/2 with clients',
  workers: 'is not set up here to be told a number of processes',
  gzip: 'is not set up here to change what passes',
}

/** What went wrong with a target that is not asked at all. */
export const notAsked = 'not asked'

export const isAble = ({ ways }: ListedTarget, { way }: Scenario): boolean =>
  way === undefined || (ways ?? []).includes(way)

/** Of each target and each scenario for which it has no way. */
export const unable = (
  targets: readonly ListedTarget[],
  scenarios: readonly Scenario[],
): readonly KnownLimitRecord[] =>
  scenarios.flatMap((scenario) =>
    targets.flatMap((target) =>
      isAble(target, scenario) || scenario.way === undefined
        ? []
        : { target: target.name, scenario: scenario.name, why: lacking[scenario.way] },
    ),
  )

export async function startOptions({ way, workers }: Scenario): Promise<StartOptions> {
  if (way === 'workers') return workers === undefined ? {} : { workers }
  if (way === 'gzip') return { gzip: true }
  return way === undefined ? {} : { tls: await certificateFiles() }
}

let made: Promise<CertificateFiles> | undefined

/** One for the whole run, gone with this process. */
function certificateFiles(): Promise<CertificateFiles> {
  made ??= write()
  return made
}

async function write(): Promise<CertificateFiles> {
  const folder = await mkdtemp(path.join(tmpdir(), 'relayrace-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return writePair(folder, (await certificates()).server)
}
