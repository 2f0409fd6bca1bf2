/** Which path leads to which service: in a file, which is read again on SIGHUP. */

import { readFileSync } from 'node:fs'
import type { Program } from '@relayrace/programs'
import type { RouterRoute } from '@relayrace/router'

const file = process.env.ROUTES ?? new URL('routes.json', import.meta.url)

/** Below the path there is the service, which does not see it. Services that are not here have none. */
export function routes(apps: Readonly<Record<string, Program>>): RouterRoute[] {
  const services = JSON.parse(readFileSync(file, 'utf8')) as Readonly<Record<string, string>>
  return Object.entries(services).flatMap(([path, name]) => {
    const app = apps[name]
    return app === undefined ? [] : [{ path, name, replace: '/', upstream: app.upstream }]
  })
}
