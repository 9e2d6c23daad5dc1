import { describe, expect, it } from 'vitest'
import { exchange } from '../../../../src/federation/outbound/http1/exchange.ts'

const REQUEST = { method: 'GET', host: 'a.example', path: '/x?y=%2F', headers: { authorization: 'X-Matrix a="b"' }, body: undefined }
const ADDRESS = { hostname: 'srv.example', port: 443, tlsName: 'a.example' }

/** What a server that answers with these bytes, cut into pieces of some size, is understood to have said; and what it was sent. */
async function said(bytes: string, pieceBytes = 3, request = REQUEST) {
  const encoded = new TextEncoder().encode(bytes)
  let at = 0
  let sent = ''
  let closed = 0
  const network = {
    fetch: () => Promise.reject(new Error('not used')),
    connectTls: async () => ({
      readable: new ReadableStream<Uint8Array>({
        pull: (controller) => {
          if (at >= encoded.length) return controller.close()
          controller.enqueue(encoded.slice(at, at + pieceBytes))
          at += pieceBytes
        },
      }),
      writable: new WritableStream<Uint8Array>({
        write: (chunk) => {
          sent += new TextDecoder().decode(chunk)
        },
      }),
      close: async () => {
        closed += 1
      },
    }),
  }
  const response = await exchange(network, ADDRESS, request, new AbortController().signal)
  return { status: response.status, headers: response.headers, text: await response.text(), sent, closed: () => closed }
}

describe('an HTTP/1.1 exchange', () => {
  it('sends what the request says and closes afterwards', async () => {
    const { sent, closed } = await said('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 3, {
      ...REQUEST,
      method: 'PUT',
      body: '{"ä":1}',
    } as never)
    expect(sent).toBe(
      'PUT /x?y=%2F HTTP/1.1\r\nhost: a.example\r\nconnection: close\r\naccept-encoding: identity\r\nauthorization: X-Matrix a="b"\r\ncontent-length: 8\r\n\r\n{"ä":1}',
    )
    expect(closed()).toBe(1)
  })

  it.each([
    ['a counted body', 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello and more'],
    ['chunks', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nTrailer: x\r\n\r\n'],
    ['chunks rather than a count', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'],
    ['everything until the end', 'HTTP/1.0 200\r\nX: 1\r\n\r\nhello'],
    ['bare line feeds', 'HTTP/1.1 200 OK\nContent-Length: 5\n\nhello'],
    ['an interim answer before', 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello'],
  ])('understands %s, in pieces of any size', async (_, bytes) => {
    for (const size of [1, 2, 7, 1_000]) expect(await said(bytes, size)).toMatchObject({ status: 200, text: 'hello' })
  })

  it('has no body where there cannot be one', async () => {
    expect(await said('HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\nhello')).toMatchObject({ status: 204, text: '' })
  })

  it('keeps headers, repeated ones joined', async () => {
    const { headers } = await said('HTTP/1.1 404 x\r\nA: 1\r\na:2\r\nB:   x y \r\nContent-Length: 0\r\n\r\n')
    expect([headers.get('a'), headers.get('b')]).toEqual(['1, 2', 'x y'])
  })

  it.each([
    ['something else than HTTP', 'SSH-2.0-OpenSSH\r\n\r\n'],
    ['nothing', ''],
    ['half a head', 'HTTP/1.1 200 OK\r\nConte'],
    ['a header without a name', 'HTTP/1.1 200 OK\r\n: x\r\n\r\n'],
    ['a folded header', 'HTTP/1.1 200 OK\r\nA: x\r\n y\r\n\r\n'],
    ['a negative length', 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n'],
    ['two lengths', 'HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab'],
    ['an unknown coding', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n'],
    ['a body that is too short', 'HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello'],
    ['chunks without an end', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n'],
    ['a chunk of a size that is none', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nhello\r\n0\r\n\r\n'],
    ['a chunk with more than it says', 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhello\r\n0\r\n\r\n'],
    ['only interim answers', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(20)],
    ['an endless head', `HTTP/1.1 200 OK\r\n${'A: xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\r\n'.repeat(2_000)}`],
    ['an endless line', `HTTP/1.1 200 ${'x'.repeat(100_000)}`],
  ])('refuses %s', async (_, bytes) => {
    await expect(said(bytes, 512)).rejects.toMatchObject({ failure: 'invalid' })
  })

  it('lets nothing in that would end the head early', async () => {
    await expect(said('', 1, { ...REQUEST, path: '/x\r\nhost: b' })).rejects.toMatchObject({ failure: 'invalid' })
    await expect(said('', 1, { ...REQUEST, host: 'a\r\nx: y' })).rejects.toMatchObject({ failure: 'invalid' })
  })
})
