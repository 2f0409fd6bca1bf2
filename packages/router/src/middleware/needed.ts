/** Libraries that only who uses them has to install. */

/** @throws Error that says which one is missing, and what for. */
export async function needed<T>(loading: Promise<T>, name: string, by: string): Promise<T> {
  try {
    return await loading
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException | undefined)?.code !== 'ERR_MODULE_NOT_FOUND') throw cause
    throw new Error(`@relayrace/router/${by} needs ${name}: npm install ${name}`, { cause })
  }
}
