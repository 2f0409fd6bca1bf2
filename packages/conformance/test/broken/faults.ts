/** Ways to meddle with what is only to be relayed, by name. Each has a line in `meddles.test.ts`. */

import { connect, type Socket } from 'node:net'
import { gzipSync } from 'node:zlib'
import type { Ends, Fault, Meddling } from './meddling.ts'

type Edit = (text: string) => string

const inRequest =
  (edit: Edit): Fault =>
  () => ({ request: edit })
const inResponse =
  (edit: Edit): Fault =>
  () => ({ response: edit })

/** Edits the lines of a head, and leaves alone what does not begin with one. */
const lines =
  (edit: (lines: readonly string[]) => readonly string[]): Edit =>
  (text) => {
    const end = text.indexOf('\r\n\r\n')
    if (end < 0 || !/^(?:HTTP\/1\.1 \d|\S+ \S+ HTTP\/1\.1\r\n)/.test(text)) return text
    return edit(text.slice(0, end).split('\r\n')).join('\r\n') + text.slice(end)
  }
const line = (pattern: RegExp, by: string | ((...found: string[]) => string)): Edit =>
  lines((all) => all.map((each) => each.replace(pattern, by as string)))
const without = (pattern: RegExp): Edit => lines((all) => all.filter((each) => !pattern.test(each)))
const adding = (field: string): Edit => lines((all) => [...all, field])
const contentOf = (text: string): string => text.slice(text.indexOf('\r\n\r\n') + 4)

/** A fault in the response that depends on the request before it. */
const answering =
  (edit: (text: string, request: string) => string): Fault =>
  () => {
    let asked = ''
    return {
      request(text) {
        asked = text
        return text
      },
      response: (text) => edit(text, asked),
    }
  }

/** Each piece some time after it came, in order. */
const later =
  (to: () => Socket, ms: number): Edit =>
  (text) => {
    setTimeout(() => to().write(text, 'latin1'), ms)
    return ''
  }

let busy: Promise<unknown> = Promise.resolve()
const memory: Buffer[] = []

export const faults: Readonly<Record<string, Fault>> = {
  'asks for all': inRequest(without(/^Range:/)),
  'drops conditions': inRequest(without(/^If-/)),
  'drops the coding of an upload': inRequest(without(/^Content-Encoding:/)),
  'has a taste of its own': inRequest(line(/^(Accept[\w-]*|User-Agent):.*/, '$1: */*')),
  'introduces itself': inRequest(adding('User-Agent: meddling/1')),
  'makes GET of HEAD': inRequest(line(/^HEAD /, 'GET ')),
  'invents a length': inRequest((text) =>
    /\r\n(?:Content-Length|Transfer-Encoding):/i.test(text) ? text : adding('Content-Length: 0')(text),
  ),
  'drops a length of nothing': inRequest(without(/^Content-Length: 0$/)),
  'writes names in lower case': inRequest(line(/^[^: ]+:/, (name) => name.toLowerCase())),
  'keeps a hundred fields': inRequest(lines((all) => all.slice(0, 101))),
  'shortens targets': inRequest((text) => text.replace(/^(GET \S{1000})\S+/, '$1')),
  'drops empty queries': inRequest(line(/^(\S+ [^? ]*)\? HTTP/, '$1 HTTP')),
  shouts: inRequest(line(/^\S+ (?=\S+ HTTP)/, (method) => method.toUpperCase())),
  'decodes targets': inRequest(line(/%0[ad]/gi, (code) => (/a/i.test(code) ? '\n' : '\r'))),
  'decodes Location': inResponse(line(/%0[ad]/gi, (code) => (/a/i.test(code) ? '\n' : '\r'))),
  'writes Host anew': inRequest(line(/^Host:.*/, (host) => host.toLowerCase().replace(/[._:]+$/, ''))),
  'drops Max-Forwards': inRequest(without(/^Max-Forwards:/)),
  'drops framing that Connection nominates': inRequest((text) => {
    const [, name] = /\r\nConnection: keep-alive, (Content-Length|Transfer-Encoding)\r\n/.exec(text) ?? []
    return name === undefined ? text : without(new RegExp(`^${name}:`))(text)
  }),
  'makes fields of trailers': inRequest((text) => {
    const [end = '', trailer = ''] = /\r\n0\r\n([^\r]+)\r\n\r\n$/.exec(text) ?? []
    return end ? adding(trailer)(text.slice(0, -end.length).concat('\r\n0\r\n\r\n')) : text
  }),
  'tells of the client without quotes': inRequest((text) => {
    const [, host = ''] = /\r\nHost: (.*)\r\n/.exec(text) ?? []
    return adding(`Forwarded: for=127.0.0.1;host=${host}`)(text)
  }),
  'goes where it is told': (ends) => ({
    request(text) {
      for (const [, port] of text.matchAll(/127\.0\.0\.1:(\d+)/g))
        if (port !== ends.upstream.port)
          connect({ host: '127.0.0.1', port: Number(port) })
            .on('error', () => {})
            .unref()
      return text
    },
  }),
  'waits for content': () => {
    let held = ''
    return {
      request(text) {
        const all = held + text
        const headOnly =
          all.indexOf('\r\n\r\n') === all.length - 4 && /\r\n(?:Content-Length: [1-9]|Transfer)/.test(all)
        held = headOnly ? all : ''
        return headOnly ? '' : all
      },
    }
  },
  'dallies upstream': (ends) => ({ request: later(() => ends.origin, 600) }),
  'dallies downstream': ({ client }) => ({ response: later(() => client, 600) }),
  'insists on 100': (ends) => {
    let waiting = false
    let held = ''
    return {
      request(text) {
        if (waiting) held += text
        else waiting = /\r\nExpect:/.test(text)
        return held ? '' : text
      },
      response(text) {
        if (waiting) ends.origin.write(held, 'latin1')
        waiting = false
        return text
      },
    }
  },
  'waits for what it has asked for': (ends) => ({
    request(text) {
      if (/\r\nUpgrade:/.test(text)) ends.client.removeAllListeners('close')
      return text
    },
  }),
  'answers when it was asked': (ends) => {
    let asked = true
    let held = ''
    return {
      request(text) {
        if (/\r\nTransfer-Encoding:/.test(text)) asked = false
        if (!asked && text.endsWith('0\r\n\r\n')) {
          asked = true
          ends.client.write(held, 'latin1')
        }
        return text
      },
      response(text) {
        if (asked) return text
        held += text
        return ''
      },
    }
  },
  'knows only WebSocket': (ends) => ({
    request(text) {
      if (/\r\nUpgrade: (?!websocket)/i.test(text)) ends.client.destroy()
      return text
    },
  }),
  'agrees too soon': (ends) => {
    let agreed = false
    return {
      request(text) {
        if (/\r\nUpgrade: websocket/i.test(text)) {
          agreed = true
          ends.client.write(
            'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n',
          )
        }
        return text
      },
      response: (text) => (agreed ? contentOf(text) : text),
    }
  },
  'understands nothing after Upgrade': () => {
    let tunnel = false
    return {
      request(text) {
        if (tunnel) return text
        tunnel = /\r\nUpgrade:/i.test(text)
        return without(/^X-Hop:/)(text)
      },
    }
  },
  'has only final responses': inResponse((text) => text.replace(/HTTP\/1\.1 10[23] .*?\r\n\r\n/gs, '')),
  'waits for trailers that were announced': () => {
    const unlessInVain: Edit = (text) =>
      /\r\nTrailer:/.test(text) && !/\r\nTransfer-Encoding:/.test(text) ? '' : text
    return { request: unlessInVain, response: unlessInVain }
  },
  'resolves paths': inRequest(
    line(/^(GET) (\S+) HTTP/, (_, method, path) => {
      const { pathname, search } = new URL(`http://a${path}`)
      return `${method} ${pathname}${search} HTTP`
    }),
  ),
  'calls it HTTP/1.1': inRequest((text) => text.replace(/^(GET \S+ HTTP)\/1\.0/, '$1/1.1')),
  'carries text alone': inResponse((text) => text.replace(/[\x80-\xff]/g, '?')),
  'forgets what came behind an upgrade': inRequest((text) =>
    /\r\nUpgrade:/.test(text) ? text.slice(0, text.indexOf('\r\n\r\n') + 4) : text,
  ),
  'drops validators': inResponse(without(/^(?:ETag|Last-Modified):/)),
  'drops the coding': inResponse(without(/^Content-Encoding:/)),
  compresses: answering((text, request) => {
    if (
      !/\r\nAccept-Encoding:.*gzip/.test(request) ||
      /\r\n(?:Content-Encoding|Transfer-Encoding):/.test(text)
    )
      return text
    const content = gzipSync(Buffer.from(contentOf(text), 'latin1')).toString('latin1')
    const length = line(/^Content-Length:.*/, `Content-Length: ${content.length}`)
    return adding('Content-Encoding: gzip')(length(text)).slice(0, -contentOf(text).length) + content
  }),
  'writes types anew': inResponse(
    line(/^Content-Type:.*/, (type) => type.toLowerCase().replace(/;\s+/g, '; ')),
  ),
  'drops challenges': inResponse(without(/^WWW-Authenticate:/)),
  'has pages of its own': inResponse((text) =>
    /^HTTP\/1.1 [45]/.test(text)
      ? `${line(/^Content-Length:.*/, 'Content-Length: 4')(text).slice(0, -contentOf(text).length)}oops`
      : text,
  ),
  'writes ASCII': inResponse(line(/[\x80-\xff]/g, '?')),
  'calls it 200': inResponse(line(/^HTTP\/1.1 (?:2\d\d|3\d[0-35-9])/, 'HTTP/1.1 200')),
  'waits for the content of 304': inResponse(line(/^HTTP\/1.1 304/, 'HTTP/1.1 200')),
  'ends chunks that never began': answering((text, request) =>
    /\r\nTransfer-Encoding:/.test(text) && (request.startsWith('HEAD') || text.startsWith('HTTP/1.1 304'))
      ? `${text}0\r\n\r\n`
      : text,
  ),
  'leaves nothing unframed': inResponse(without(/^(?:Content-Length: 0$|Transfer-Encoding:)/)),
  'hides the length of what it does not send': answering((text, request) =>
    request.startsWith('HEAD') || text.startsWith('HTTP/1.1 304') ? without(/^Content-Length:/)(text) : text,
  ),
  'chunks anew': inResponse((text) => {
    const content = contentOf(text)
    if (content.length === 0 || /\r\nTransfer-Encoding:/.test(text)) return text
    const framed = line(/^Content-Length:.*/, 'Transfer-Encoding: chunked')(text).slice(0, -content.length)
    return `${framed}${content.length.toString(16)}\r\n${content}\r\n0\r\n\r\n`
  }),
  'measures chunks': inResponse((text) =>
    /\r\nTransfer-Encoding:/.test(text) && !/\r\n0[;\r]/.test(text.slice(-12))
      ? text
      : text.replace('\r\nTransfer-Encoding:', '\r\nContent-Length: 11\r\nTransfer-Encoding:'),
  ),
  'drops trailers': inResponse((text) =>
    without(/^Trailer:/)(text).replace(/\r\n0\r\n[^\r]+\r\n\r\n$/, '\r\n0\r\n\r\n'),
  ),
  'drops Via': inResponse(without(/^Via:/)),
  'drops Proxy-Status': inResponse(without(/^Proxy-Status:/)),
  'follows redirects': ({ client, upstream }) => ({
    response(text) {
      const [, location] = /^HTTP\/1.1 3.*\r\nLocation: (\S+)\r\n/s.exec(text) ?? []
      if (location !== undefined && URL.canParse(location, upstream.href)) {
        const { hostname, port, pathname } = new URL(location, upstream)
        const socket = connect({ host: hostname, port: Number(port) }).on('error', () => {})
        socket.write(`GET ${pathname} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n`)
        // By then it is known where that leads.
        socket.once('close', () => client.write(text, 'latin1'))
        client.once('close', () => socket.destroy())
        return ''
      }
      return text
    },
  }),
  hurries: ({ client }) => {
    setTimeout(() => client.destroy(), 700).unref()
    return {}
  },
  'dials for every request': (ends) => {
    let asked = 0
    return {
      request(text) {
        if (!/^[A-Z]+ \S+ HTTP\//.test(text) || asked++ === 0) return text
        ends.origin.end()
        ends.origin = ends.dial()
        ends.origin.write(text, 'latin1')
        return ''
      },
    }
  },
  'asks again, whatever it was': (ends) => {
    let pending = ''
    return {
      request(text) {
        pending = text
        return text
      },
      response(text) {
        pending = ''
        return text
      },
      originLeft() {
        if (pending === '') return void ends.client.destroySoon()
        ends.origin = ends.dial()
        ends.origin.write(pending, 'latin1')
      },
    }
  },
  'does not notice that the origin has left': () => ({ originLeft() {} }),
  'asks for one thing at a time': (ends) => {
    const before = busy
    const { promise, resolve } = Promise.withResolvers<void>()
    busy = before.then(() => promise)
    ends.client.once('close', () => resolve())
    return {
      request(text) {
        before.then(() => ends.origin.write(text, 'latin1'))
        return ''
      },
      response(text) {
        setImmediate(resolve)
        return text
      },
    }
  },
  'remembers everything': inRequest((text) => {
    memory.push(Buffer.alloc(256 * 1024, text))
    return text
  }),
  'sends the rest elsewhere': (ends) => ({
    response(text) {
      const finished = /^HTTP\/1.1 200 OK\r\nContent-Length: 5\r\n\r\nearly$/.test(text)
      if (finished) {
        ends.origin.destroy()
        ends.origin = ends.dial()
      }
      return text
    },
  }),
  'says that all went well': ({ client }) => {
    let target: string | undefined
    client.once('close', () => {
      if (target === undefined) return
      const line = {
        target,
        outcome: 'completed',
        status: 200,
        endedBy: 'gateway',
        requestBytes: 0,
        responseBytes: 0,
      }
      process.stdout.write(`${JSON.stringify(line)}\n`)
    })
    return {
      request(text) {
        target ??= /^\S+ (\S+) HTTP/.exec(text)?.[1]
        return text
      },
    }
  },
}

export type { Ends, Meddling }
