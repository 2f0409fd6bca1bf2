import { abuseOf } from '@relayrace/promises/abuse'
import type { Said } from '@relayrace/promises/damage/reader'
import { endlessAnswersOf } from '@relayrace/promises/endless'
import { createDuplexGateway } from '../src/index.ts'
import { type Input, readOurs } from './fuzz/compare.ts'

const said = (input: Omit<Input, 'cuts'>): Said[] =>
  readOurs({ ...input, cuts: [] }).messages.map(({ line, content, complete, framing }) => ({
    line,
    content,
    complete,
    untilClose: framing === 'close',
  }))

abuseOf(createDuplexGateway, {
  requests: async (texts) => texts.map((text) => said({ kind: 'request', text, to: 'GET' })),
  responses: async (inputs) => inputs.map(({ text, to }) => said({ kind: 'response', text, to })),
})
endlessAnswersOf(createDuplexGateway)
