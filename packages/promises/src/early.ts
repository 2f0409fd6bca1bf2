/** An origin that answers before it has all of a request: what it was promised and not sent, nobody else makes up for. */

import { connect, startOrigin } from '@relayrace/fixtures/wire'
import type { Gateway, Strategy } from '@relayrace/gateway'
import { expect, test } from 'vitest'
import { get, head, reply } from './stage.ts'

const framings = ['Content-Length: 40000', 'Transfer-Encoding: chunked'] as const
const kinds = ['plain', 'expecting', 'upgrade'] as const
/** How much of it is there when the origin answers. */
const parts = [0, 5, 20_000, 40_000] as const
const answers = {
  whole: reply('early'),
  'without content': head('HTTP/1.1 204 No Content'),
  chunked: head('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked').concat('5\r\nearly\r\n0\r\n\r\n'),
  begun: head('HTTP/1.1 200 OK', 'Content-Length: 10').concat('early'),
} as const
/** What the client does then. */
const sequels = ['goes on', 'leaves', 'stands still'] as const

const expected: Readonly<Record<(typeof kinds)[number], readonly string[]>> = {
  plain: [],
  expecting: ['Expect: 100-continue'],
  upgrade: ['Connection: Upgrade', 'Upgrade: foo'],
}

interface Combination {
  readonly framing: (typeof framings)[number]
  readonly kind: (typeof kinds)[number]
  readonly part: number
  readonly answer: keyof typeof answers
  readonly sequel: (typeof sequels)[number]
}

const combinations: Combination[] = framings.flatMap((framing) =>
  kinds.flatMap((kind) =>
    parts.flatMap((part) =>
      (Object.keys(answers) as Combination['answer'][]).flatMap((answer) =>
        sequels.map((sequel) => ({ framing, kind, part, answer, sequel })),
      ),
    ),
  ),
)

const atOnce = 16

export function earlyAnswersTo(create: Strategy<Gateway>): void {
  test(`after ${combinations.length} early answers the next request is whole, and gets its own answer`, {
    timeout: 120_000,
  }, async () => {
    const failures: string[] = []
    const queue = combinations.values()
    const worker = async (): Promise<void> => {
      for (const combination of queue) {
        try {
          await early(create, combination)
        } catch (error) {
          failures.push(`${Object.values(combination).join(', ')}: ${(error as Error).message}`)
        }
      }
    }
    await Promise.all(Array.from({ length: atOnce }, worker))
    expect(failures).toEqual([])
  })
}

async function early(create: Strategy<Gateway>, combination: Combination): Promise<void> {
  const { framing, kind, part, answer, sequel } = combination
  await using origin = await startOrigin({ patience: 20_000 })
  const gateway = create({ upstream: origin.url, pool: { connections: 4 } })
  try {
    const { url } = await gateway.listen()
    const attacker = await connect(url, { patience: 20_000 })
    const chunked = framing.startsWith('T')
    const piece = (length: number): string =>
      length === 0 ? '' : chunked ? `${length.toString(16)}\r\n${'x'.repeat(length)}\r\n` : 'x'.repeat(length)
    await attacker.send(head('POST /early HTTP/1.1', 'Host: a', framing, ...expected[kind]) + piece(part))
    const first = await origin.request()
    await first.body(part)
    await first.send(answers[answer])
    // Whatever follows an Upgrade that was not accepted is the next request.
    if (kind === 'upgrade' && first.message.verdict === 'complete') first.connection.readRequests()
    await (answer === 'begun' ? attacker.responding() : attacker.response())
    if (sequel === 'goes on') await attacker.send(`${piece(40_000 - part)}${chunked ? '0\r\n\r\n' : ''}`)
    else if (sequel === 'leaves') attacker.reset()

    for (const name of ['one', 'two']) {
      const victim = await connect(url, { patience: 20_000 })
      await victim.send(get(`/${name}`))
      const next = await origin.request()
      expect(next.message.target).toBe(`/${name}`)
      await next.send(reply(name))
      const response = await victim.response()
      expect([response.verdict, response.text]).toEqual(['complete', name])
      await victim.close()
    }
    await attacker.close()
  } finally {
    await gateway.close(0)
  }
}
