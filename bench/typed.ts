/** The command that repeats a run. */

/** As one would type it into a shell. */
const command = 'npm run bench --'

export function typed(args: readonly string[]): string {
  const quoted = args.map((arg) => (/^[\w@%+=:,./-]+$/.test(arg) ? arg : `'${arg.replaceAll("'", `'\\''`)}'`))
  return `${command} ${quoted.join(' ')}`
}

/** What was given to it. @throws when it is no command of ours. */
export function argsOf(text: string): string[] {
  if (!text.startsWith(`${command} `)) throw new Error(`no command of the bench: ${text}`)
  const args = text.slice(command.length + 1).match(/(?:'[^']*'|\\'|[^\s'\\])+/g) ?? []
  return args.map((arg) => arg.replaceAll(/'([^']*)'|\\'/g, (_, quoted?: string) => quoted ?? "'"))
}
