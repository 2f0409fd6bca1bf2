import { readFile } from 'node:fs/promises'
import { hashToken } from '@relayrace/router/middleware'
import { describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { parseConfig } from '../src/config.ts'

const read = (name: string): Promise<string> => readFile(new URL(`../${name}`, import.meta.url), 'utf8')

test('the configuration in the README is one', async () => {
  const [, example = ''] = /^```yaml\n(.*?)^```$/ms.exec(await read('README.md')) ?? []
  const config = parseConfig(parse(example.replace('HASH', hashToken('a token'))))
  expect(config.routes).toHaveLength(4)
  expect(config.drain).toEqual({ delay: 5_000, grace: 30_000 })
})

describe('the manifests for Kubernetes', async () => {
  const documents = parseAllDocuments(await read('deploy/kubernetes/relayrace.yaml')).map((one) => one.toJS())
  const kind = (name: string) => documents.find((one) => one.kind === name)

  test('mount a configuration that is one', () => {
    const config = parseConfig(parse(kind('ConfigMap').data['relayrace.yaml']))
    expect(config.admin?.port).toBe(9901)
  })

  test('give it longer to end than it takes', () => {
    const { drain } = parseConfig(parse(kind('ConfigMap').data['relayrace.yaml']))
    const { spec } = kind('Deployment').spec.template
    const { delay = 0, grace = 0 } = drain ?? {}
    expect(spec.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(delay + grace)
  })

  test('probe the ports and pages that there are', () => {
    const [{ ports, readinessProbe, livenessProbe }] = kind('Deployment').spec.template.spec.containers
    const names = ports.map(({ name }: { name: string }) => name)
    for (const { httpGet } of [readinessProbe, livenessProbe]) expect(names).toContain(httpGet.port)
    expect([readinessProbe.httpGet.path, livenessProbe.httpGet.path]).toEqual(['/readyz', '/healthz'])
  })
})

test('the unit of systemd waits for the end, and reloads by the signal that does', async () => {
  const unit = await read('deploy/relayrace.service')
  expect(unit).toContain('ExecReload=/bin/kill -HUP $MAINPID')
  expect(unit).toMatch(/^TimeoutStopSec=\d+$/m)
})
