/** The command that repeats a run. */

/** As one would type it into a shell. */
export function typed(args: readonly string[]): string {
  const quoted = args.map((arg) => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`))
  return `npm run bench -- ${quoted.join(' ')}`
}
