/** What to do where a program could not listen. */

const mends: Readonly<Record<string, string>> = {
  EADDRINUSE: 'somebody listens there: end that, or take another port',
  EADDRNOTAVAIL: 'this machine has no such address; 0.0.0.0 is all that it has',
  EACCES: 'ports below 1024 need a right of their own, such as CAP_NET_BIND_SERVICE',
}

/** The message of an error, with the mend for one of listening. */
export function mended(error: unknown): string {
  const { code, syscall, message } = error as NodeJS.ErrnoException
  const mend = syscall === 'listen' || syscall === 'bind' ? mends[code ?? ''] : undefined
  return mend === undefined ? message : `${message}; ${mend}`
}
