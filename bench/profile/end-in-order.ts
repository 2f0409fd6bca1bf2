/** Loaded into a profiled program before its own modules: a profile is written at an exit, not when a signal kills. */

process.once('SIGINT', () => {
  if (process.listenerCount('SIGINT') === 0) process.exit()
})
