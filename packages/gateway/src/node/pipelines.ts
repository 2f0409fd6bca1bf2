/** Requests that come behind others on one connection: how many of them may wait, for how long unseen, and their end. */

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** Beyond it nothing more is read, but what node:http has read already is parsed. */
const fewest = 16
/** With so many waiting the connection is given up. As many as two reads of the shortest requests can hold. */
const most = 4_096
/** A connection that is not read does not tell that its client has gone: it is given up after that long, in ms. */
const unread = 10_000

interface Pipeline {
  waiting: number
  readonly timer: NodeJS.Timeout
}

/** A request behind another one, and its response. */
interface Follower {
  readonly incoming: IncomingMessage
  readonly response: ServerResponse
  clientLeft(): void
}

export class Pipelines {
  readonly #all = new WeakMap<Socket, Pipeline>()
  readonly #followers = new WeakMap<Socket, Set<Follower>>()

  /** Tells it when its client has left. Node 22 tells only the request whose turn it is. */
  join(follower: Follower): void {
    const { socket } = follower.incoming
    const followers = this.#followers.get(socket) ?? this.#begin(socket)
    followers.add(follower)
    follower.response.once('close', () => followers.delete(follower))
  }

  #begin(socket: Socket): Set<Follower> {
    const followers = new Set<Follower>()
    this.#followers.set(socket, followers)
    socket.once('close', () => {
      for (const follower of followers) follower.clientLeft()
    })
    return followers
  }

  /** Waits for `turn`, unless so many do already that the connection is ended. */
  async wait({ socket }: IncomingMessage, turn: Promise<unknown>): Promise<void> {
    const pipeline = this.#of(socket)
    pipeline.waiting++
    if (pipeline.waiting > most) socket.destroy()
    else if (pipeline.waiting > fewest) socket.pause()
    const gone = Promise.withResolvers<void>()
    const leave = (): void => gone.resolve()
    socket.once('close', leave)
    await Promise.race([turn, gone.promise])
    socket.off('close', leave)
    pipeline.timer.refresh()
    if (--pipeline.waiting === fewest) socket.resume()
    if (pipeline.waiting > 0) return
    clearTimeout(pipeline.timer)
    this.#all.delete(socket)
  }

  #of(socket: Socket): Pipeline {
    let pipeline = this.#all.get(socket)
    if (pipeline === undefined) {
      const look = (): void => {
        if (socket.isPaused()) socket.destroy()
        else timer.refresh()
      }
      const timer = setTimeout(look, unread)
      pipeline = { waiting: 0, timer }
      socket.setMaxListeners(0)
      this.#all.set(socket, pipeline)
    }
    return pipeline
  }
}
