import { describe, expect, test } from 'vitest'
import { Fields } from '../src/application.ts'
import { connectionOptions, endToEnd, FieldNames, leftOf } from '../src/contract/fields.ts'

const sample = (): Fields => new Fields(['A', '1', 'b', '2', 'a', '3'])

describe('Fields', () => {
  test('compares names without case, and keeps the case they came in', () => {
    expect(sample().get('B')).toBe('2')
    expect(sample().raw).toEqual(['A', '1', 'b', '2', 'a', '3'])
  })

  test('gives all lines of a name in order', () => {
    expect(sample().all('A')).toEqual(['1', '3'])
  })

  test('sets one line in the place of the first', () => {
    const fields = sample()
    fields.set('a', 'x')
    expect(fields.raw).toEqual(['A', 'x', 'b', '2'])
  })

  test('sets one line where the same name is in the next line as well', () => {
    const fields = Fields.from([
      ['A', '1'],
      ['a', '2'],
      ['A', '3'],
      ['B', '4'],
    ])
    fields.set('A', '5')
    expect(fields.raw).toEqual(['A', '5', 'B', '4'])
  })

  test('deletes all lines of a name', () => {
    const fields = sample()
    fields.delete('a')
    expect([...fields]).toEqual([['b', '2']])
  })

  test('a copy is independent', () => {
    const fields = sample()
    fields.copy().delete('a')
    expect(fields.has('a')).toBe(true)
  })

  test('reads a list over several lines, without empty members (RFC 9110 §5.6.1)', () => {
    expect(Fields.from([['X', ' A, ,b'] as const, ['x', ',C '] as const]).tokens('x')).toEqual([
      'a',
      'b',
      'c',
    ])
  })

  test.each(['a\r\nb', 'a\nb', 'a\0b', 'a\x7fb', 'snow\u2603'])('refuses the value %j', (value) => {
    expect(() => new Fields().append('X', value)).toThrow(TypeError)
    expect(() => sample().set('A', value)).toThrow(TypeError)
  })

  test.each(['', 'a b', 'a:', 'a\n', 'é'])('refuses the name %j', (name) => {
    expect(() => new Fields().append(name, '1')).toThrow(TypeError)
  })

  test('takes Latin-1 and tabs in values', () => {
    expect(Fields.from({ X: 'caf\u00e9\t!' }).get('x')).toBe('caf\u00e9\t!')
  })
})

describe('connectionOptions', () => {
  test('reads every Connection line, whatever is empty', () => {
    const raw = ['Connection', '', 'X', '1', 'CONNECTION', ' ,Close,,X-Hop\t', 'connection', 'b']
    expect(connectionOptions(raw)).toEqual(['close', 'x-hop', 'b'])
  })
})

describe('endToEnd', () => {
  test('drops what concerns one connection only (RFC 9110 §7.6.1)', () => {
    const names = [
      'Connection',
      'Keep-Alive',
      'Proxy-Authenticate',
      'Proxy-Authentication-Info',
      'Proxy-Authorization',
      'Proxy-Connection',
      'TE',
      'Trailer',
      'Transfer-Encoding',
      'Upgrade',
    ]
    const raw = [...names, 'X-End'].flatMap((name) => [name, 'x'])
    expect(endToEnd(raw).raw).toEqual(['X-End', 'x'])
  })

  test('drops what Connection nominates, beside close and after an empty line', () => {
    const raw = ['Connection', '', 'Connection', 'X-Hop, close', 'x-hop', '1', 'X-End', '2']
    expect(endToEnd(raw).raw).toEqual(['X-End', '2'])
  })

  test.each([1, 20])('drops a nominated field in whatever case, %i of them', (count) => {
    const names = Array.from({ length: count }, (_, i) => `X-Hop-${i}`)
    const raw = ['Connection', names.join(','), ...names.flatMap((name) => [name.toUpperCase(), '1'])]
    expect(endToEnd(raw).raw).toEqual([])
  })

  test.each(['Host', 'Content-Length', 'Content-Type', 'Date', 'Set-Cookie'])(
    'keeps %s, nominated or not',
    (name) => {
      expect(endToEnd(['Connection', name, name, 'x']).raw).toEqual([name, 'x'])
    },
  )

  test('drops what it is told to', () => {
    expect(endToEnd(['Via', '1', 'X', '2'], new FieldNames(['via'])).raw).toEqual(['X', '2'])
  })

  test('leaves what it was given alone', () => {
    const raw = ['Connection', 'X', 'X', '1']
    endToEnd(raw).append('Y', '2')
    expect(raw).toEqual(['Connection', 'X', 'X', '1'])
  })
})

describe('what an application has left of fields', () => {
  const before = ['Host', 'a', 'Accept', '*/*', 'Accept', 'text/html']
  const after = (edit: (fields: Fields) => void): string[] => {
    const fields = new Fields(before.slice())
    edit(fields)
    return leftOf(fields, before.slice()).raw
  }

  test.each<[string, (fields: Fields) => void, string[]]>([
    ['is what it was', () => {}, before],
    ['lacks what was deleted', (fields) => fields.delete('accept'), ['Host', 'a']],
    ['has what was added', (fields) => fields.append('X', 'y'), [...before, 'X', 'y']],
    ['has what was replaced', (fields) => fields.set('Accept', 'b'), ['Host', 'a', 'Accept', 'b']],
    ['keeps a new order', ({ raw }) => void raw.push(...raw.splice(0, 2)), [...before.slice(2), 'Host', 'a']],
    ['says nothing of framing', (fields) => fields.append('TE', 'trailers'), before],
  ])('%s', (_, edit, left) => {
    expect(after(edit)).toEqual(left)
  })

  test.each([
    ['a name that is none', ['a b', 'c']],
    ['a value that could end its line', ['X', 'a\r\nb']],
    ['a value that is no string', ['X', 1]],
    ['a name without a value', ['X']],
  ])('cannot have %s', (_, line) => {
    expect(() => after(({ raw }) => void raw.push(...(line as string[])))).toThrow(TypeError)
  })

  test('is nobody else’s to edit', () => {
    const fields = new Fields(before.slice())
    const left = leftOf(fields, before.slice())
    fields.append('X', 'y')
    expect(left.raw).toEqual(before)
  })
})
