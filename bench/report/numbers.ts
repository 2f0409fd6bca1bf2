/** Numbers as people read them. */

/** Three digits that count, no exponent, thousands apart. */
export function number(value: number): string {
  if (!Number.isFinite(value)) return '–'
  if (value === 0) return '0'
  const size = Math.abs(value)
  if (size >= 1000) return Math.round(value).toLocaleString('en-US').replaceAll(',', '\u202f')
  const digits = Math.max(0, 2 - Math.floor(Math.log10(size)))
  const rounded = value.toFixed(Math.min(digits, 4))
  return Number(rounded) === 0 ? '<0.0001' : rounded
}

/** A spread, with no more digits behind the point than the value it belongs to. */
export function spread(value: number, deviation: number): string {
  const [, decimals = ''] = number(value).split('.')
  return Math.abs(value) >= 1000 ? number(Math.round(deviation)) : deviation.toFixed(decimals.length)
}

/** A round number on an axis. */
export const tick = (value: number): string =>
  Math.abs(value) >= 1000 ? number(value) : Number(value.toPrecision(6)).toString()

export function duration(seconds: number): string {
  if (seconds < 60) return `${Math.max(1, Math.round(seconds))} s`
  const minutes = Math.round(seconds / 60)
  if (minutes < 90) return `${minutes} min`
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

export const percent = (share: number | null): string =>
  share === null ? '–' : `${(share * 100).toFixed(1)} %`

/** `a`, `a and b`, `a, b and c`. */
export const listed = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`

export const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`
