import { createFetchHandler } from '../../src/fetch.ts'

declare const Deno: {
  serve(
    options: { port: number; hostname: string; onListen(address: { port: number }): void },
    handler: (request: Request) => Promise<Response>,
  ): unknown
  env: { get(name: string): string | undefined }
}

const { fetch } = createFetchHandler({ upstream: Deno.env.get('UPSTREAM') as string })
const onListen = ({ port }: { port: number }): void => console.log(`http://127.0.0.1:${port}`)
Deno.serve({ port: 0, hostname: '127.0.0.1', onListen }, fetch)
