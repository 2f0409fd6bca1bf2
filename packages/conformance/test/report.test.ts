import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import type { Report, Result } from '../src/index.ts'
import { count } from '../src/report/count.ts'
import { jsonReport } from '../src/report/json.ts'
import { junitReport } from '../src/report/junit.ts'
import { markdown } from '../src/report/markdown.ts'
import { matrix } from '../src/report/matrix.ts'
import { page, sides } from '../src/report/page.ts'

const transcript = [
  '     0.1 ms  client 1  sent 18 bytes',
  '             GET / HTTP/1.1\\r\\n',
  '     0.4 ms  origin 1  received 20 bytes',
  '             GET /</script> HTTP/1.1\\r\\n',
  '     0.9 ms  client 1  FIN',
].join('\n')

function result(id: string, verdict: Result['verdict'], more: Partial<Result> = {}): Result {
  const level = 'MUST'
  const why = verdict === 'pass' ? '' : `${id} has its reason`
  return {
    id,
    rule: 'RFC 9112 §6.3',
    level,
    title: `does ${id}`,
    verdict,
    why,
    duration: 1,
    transcript,
    ...more,
  }
}

const report = (subject: string, results: readonly Result[]): Report => ({
  ...{ subject, results, version: '1.2.3', seed: 7, duration: 1, complete: true, overcome: [] },
  failures: results.filter(({ verdict }) => verdict === 'fail' || verdict === 'crash'),
})

const reports: readonly Report[] = [
  report('mine', [
    result('FRAME-01', 'pass'),
    result('FRAME-02', 'fail', { deviation: 'it | cannot', why: '<b>other</b> bytes' }),
    result('TRLR-06', 'crash'),
    result('UPG-01', 'skipped', { why: 'it is declared to lack upgrade' }),
  ]),
  report('theirs', [
    result('FRAME-01', 'fail'),
    result('FRAME-02', 'fail'),
    result('TRLR-06', 'crash', { title: 'survives announced trailers', why: 'the process died: boom' }),
    result('UPG-01', 'pass'),
  ]),
]

const origin = { command: 'conformance --target mine', date: new Date(0), platform: 'Node v0 on nothing' }

const published = markdown(reports, {
  ...origin,
  ours: ['mine'],
  reported: { theirs: { 'FRAME-02': 'some/where#1', 'TRLR-06': 'some/where#2', 'UPG-01': 'some/where#3' } },
})

const [, mine = '', theirs = ''] = published.split(/^## (?:mine|Everybody else)$/m)

test('the markdown says what was run, with versions, command and date', () => {
  for (const said of ['mine 1.2.3', 'theirs 1.2.3', origin.command, '1970-01-01', 'Node v0', 'seed 7'])
    expect(published).toContain(said)
})

test('the markdown says on which Node.js, where all ran on the same', () => {
  const title = (...versions: string[]): string | undefined =>
    markdown(
      versions.map((version) => ({ ...report('some', []), version })),
      { ...origin, ours: [] },
    ).split('\n')[0]
  expect(title('1 on Node 22.19.0', '2 on Node 22.19.0')).toBe('# Conformance on Node 22.19.0')
  expect(title('1 on Node 22.19.0', '2')).toBe('# Conformance')
})

test('the markdown has the note that it is given', () => {
  expect(markdown(reports, { ...origin, ours: [], note: 'More [there](there.md).' })).toContain(
    '\n\nMore [there](there.md).\n\n',
  )
})

test('the markdown counts what passed of what was run, and a crash as a failure', () => {
  expect(published).toContain('| target | all | failed MUST | failed SHOULD | skipped | FRAME | TRLR | UPG |')
  expect(published).toContain('| mine 1.2.3 | 1/3 | 2 | 0 | 1 | 1/2 | 0/1 | – |')
  expect(published).toContain('| theirs 1.2.3 | 1/4 | 3 | 0 | 0 | 0/2 | 0/1 | 1/1 |')
})

test('the markdown gives the reason of every failure and every skipped case of ours', () => {
  expect(mine).toContain('| FRAME-02 | MUST | does FRAME-02 | \\<b\\>other\\</b\\> bytes | it \\| cannot |')
  expect(mine).toContain('crash: TRLR-06 has its reason')
  expect(mine).toContain('- it is declared to lack upgrade: UPG-01')
  expect(mine).not.toContain('FRAME-01')
})

test('the markdown names failures of others only when they are reported, and without a reason of ours', () => {
  expect(theirs).toContain('| theirs | FRAME-02 | MUST | does FRAME-02 | some/where#1 |')
  expect(theirs).not.toContain('FRAME-01')
  expect(theirs).not.toContain('has its reason')
  expect(theirs).not.toContain('UPG-01')
})

test('the markdown names no crash of others, not even a reported one', () => {
  for (const told of ['TRLR-06', 'trailers', 'died', 'boom', 'crash', 'some/where#2'])
    expect(theirs).not.toContain(told)
})

test('nobody is ours unless it is said', () => {
  const all = markdown(reports, { ...origin, ours: [], reported: {} })
  expect(all).not.toMatch(/(?:FRAME|TRLR|UPG)-\d/)
})

const html = page(reports, origin)

test('the page asks nobody for anything', () => {
  expect(html).not.toMatch(/(?:src|href)="(?!data:|#)/)
  expect(html).not.toMatch(/url\(|@import|https?:/)
  expect(html).toContain("default-src 'none'")
})

test('the page has a cell with a sign and a label for each case and target', () => {
  const cells = [
    ...html.matchAll(/<td><a class="(\w+)" href="#(.+?)" aria-label="(.+?)" title=".+?">(.)<\/a>/g),
  ]
  expect(cells.map(([, ...cell]) => cell)).toEqual([
    ['pass', 'mine/FRAME-01', 'mine, FRAME-01: passes', '✓'],
    ['must', 'theirs/FRAME-01', 'theirs, FRAME-01: fails a MUST', '✗'],
    ['must', 'mine/FRAME-02', 'mine, FRAME-02: fails a MUST', '✗'],
    ['must', 'theirs/FRAME-02', 'theirs, FRAME-02: fails a MUST', '✗'],
    ['crash', 'mine/TRLR-06', 'mine, TRLR-06: dies', '‼'],
    ['crash', 'theirs/TRLR-06', 'theirs, TRLR-06: dies', '‼'],
    ['skipped', 'mine/UPG-01', 'mine, UPG-01: skipped', '–'],
    ['pass', 'theirs/UPG-01', 'theirs, UPG-01: passes', '✓'],
  ])
})

test('the page marks the rows in which something fails', () => {
  const failing = [...html.matchAll(/<tr class="failing"><th scope="row"><b>(.+?)<\/b>/g)]
  expect(failing.map(([, id]) => id)).toEqual(['FRAME-01', 'FRAME-02', 'TRLR-06'])
})

test('the page holds why, and both sides of the wire, of every case', () => {
  const [, packed = ''] = /id="details">(.*?)<\/script>/.exec(html) ?? []
  const details = JSON.parse(gunzipSync(Buffer.from(packed, 'base64')).toString())
  expect(details.theirs['TRLR-06']).toMatchObject({
    ...{ title: 'survives announced trailers', why: 'the process died: boom', said: '‼ dies' },
    ...sides(transcript),
  })
  expect(details.mine['FRAME-01'].client).toContain('GET / HTTP/1.1')
})

test('the page says that it is not for publication', () => {
  expect(html).toContain('not for publication')
})

test('a transcript is divided by side, and its variants are named on both', () => {
  const { client, origin } = sides(`--- X-01/one\n${transcript}`)
  expect(client.split('\n')).toHaveLength(4)
  expect(origin.split('\n')).toEqual([
    '--- X-01/one',
    '     0.4 ms  origin 1  received 20 bytes',
    '             GET /</script> HTTP/1.1\\r\\n',
  ])
})

test.each<[name: string, write: (reports: readonly Report[]) => string, mark: string]>([
  ['JSON', jsonReport, '"complete": false'],
  ['JUnit', junitReport, '<property name="complete" value="false"/>'],
  ['markdown', (some) => markdown(some, { ...origin, ours: [] }), '**Incomplete: the run was stopped'],
  ['the page', (some) => page(some, origin), '<strong>Incomplete: the run was stopped'],
  ['the terminal', matrix, '\nIncomplete: the run was stopped before every case was judged on theirs.'],
])('%s says when a run was stopped', (_, write, mark) => {
  expect(write(reports)).not.toContain(mark)
  expect(write(reports.map((one) => ({ ...one, complete: one.subject === 'mine' })))).toContain(mark)
})

test.each<[Result['verdict'], Result['level'], string | undefined, string | undefined]>([
  ['pass', 'MUST', undefined, undefined],
  ['fail', 'MUST', undefined, 'failure'],
  ['fail', 'MUST', 'known', 'skipped'],
  ['fail', 'SHOULD', undefined, 'skipped'],
  ['crash', 'MAY', undefined, 'failure'],
  ['crash', 'MUST', 'known', 'failure'],
  ['harness failed', 'MAY', undefined, 'failure'],
  ['skipped', 'MUST', undefined, 'skipped'],
])('JUnit: %s of a %s, declared as %s, is %s', (verdict, level, deviation, mark) => {
  const one = result('X-1', verdict, { level, ...(deviation !== undefined && { deviation }) })
  const failures = mark === 'failure' ? [one] : []
  const text = junitReport([{ ...report('one', [one]), failures }])
  expect(/<(failure|skipped) /.exec(text)?.[1]).toBe(mark)
  expect(text).toContain(`tests="1" failures="${failures.length}" skipped="${mark === 'skipped' ? 1 : 0}"`)
})

test('each result is counted once: passed, failed by its level, skipped, or a fault of the harness', () => {
  const all: readonly (readonly [Result['verdict'], Result['level']])[] = [
    ...[['pass', 'MUST'] as const, ['pass', 'MAY'] as const, ['skipped', 'MUST'] as const],
    ...[['fail', 'MUST'] as const, ['crash', 'MUST'] as const, ['crash', 'SHOULD'] as const],
    ...[['fail', 'MAY'] as const, ['harness failed', 'MUST'] as const],
  ]
  expect(count(all.map(([verdict, level]) => result('X-1', verdict, { level })))).toEqual({
    ran: 7,
    passed: 2,
    failed: { MUST: 2, SHOULD: 1, MAY: 1 },
    skipped: 1,
    faults: 1,
  })
})
