/** Durations and sizes as people write them. */

import { z } from 'zod'

const milliseconds: Readonly<Record<string, number>> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 }
const bytes: Readonly<Record<string, number>> = { B: 1, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 }

function measured(units: Readonly<Record<string, number>>, example: string): z.ZodType<number> {
  const shape = new RegExp(`^(\\d+(?:\\.\\d+)?)(${Object.keys(units).join('|')})$`)
  const text = z.string().transform((value, context) => {
    if (value === 'Infinity') return Number.POSITIVE_INFINITY
    const [, amount, unit = ''] = shape.exec(value) ?? []
    if (amount !== undefined) return Number(amount) * (units[unit] as number)
    context.addIssue({ code: 'custom', message: `write ${example}, a number, or Infinity` })
    return z.NEVER
  })
  return z.union([z.number().nonnegative(), z.literal(Number.POSITIVE_INFINITY), text]) as never
}

/** Milliseconds: `1500`, `'30s'`, `'5m'`, `'Infinity'`. */
export const duration: z.ZodType<number> = measured(milliseconds, "'500ms', '30s', '5m' or '1h'")
/** Bytes: `65536`, `'64KiB'`, `'1GiB'`, `'Infinity'`. */
export const size: z.ZodType<number> = measured(bytes, "'512B', '64KiB', '10MiB' or '1GiB'")
