import { createFetchHandler } from '../../src/fetch.ts'

declare const Bun: {
  serve(options: {
    port: number
    hostname: string
    /** Seconds; 0 is none. */
    idleTimeout: number
    fetch(request: Request): Promise<Response>
  }): { readonly url: URL }
}

const { fetch } = createFetchHandler({ upstream: process.env.UPSTREAM as string })
const { url } = Bun.serve({ port: 0, hostname: '127.0.0.1', idleTimeout: 0, fetch })
console.log(`http://127.0.0.1:${url.port}`)
