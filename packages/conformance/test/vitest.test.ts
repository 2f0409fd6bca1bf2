import { fileURLToPath } from 'node:url'
import { startProgram } from '@relayrace/fixtures/target'
import { conformance } from '../src/vitest.ts'

conformance(
  {
    name: 'sound',
    start: (upstream, options) =>
      startProgram(
        {
          argv: [process.execPath, fileURLToPath(new URL('broken/sound.ts', import.meta.url))],
          env: { PORT: '0', UPSTREAM: upstream.href },
        },
        options,
      ),
  },
  { only: ['FRAME-0', 'HDR'] },
)
