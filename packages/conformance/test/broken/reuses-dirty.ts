/** Gives the upstream connection to the next client in whatever state the last one has left it. */
import type { Socket } from 'node:net'
import { serve } from './relay.ts'

const idle: Socket[] = []

serve({
  take: () => idle.pop(),
  leave(origin) {
    if (origin.destroyed || origin.readableEnded) return void origin.destroy()
    idle.push(origin)
    origin.resume().on('error', () => {})
    origin
      .once('end', () => origin.destroy())
      .once('close', () => idle.splice(0, idle.length, ...idle.filter((one) => one !== origin)))
  },
})
