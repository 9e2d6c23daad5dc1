import { describe, expect, it, vi } from 'vitest'
import { type GuardedRequest, guardedFetch } from '../../../../src/federation/outbound/guarded-fetch.ts'
import { HostileInternet } from '../../../support/hostile-internet.ts'
import { flood } from '../../../support/hostile-server.ts'

const redirect =
  (location: string, status = 302) =>
  () =>
    new Response(null, { status, headers: { location } })

function asking(internet: HostileInternet, allowPrivateNetwork = false) {
  const guard = { network: internet.network, policy: { allowPrivateNetwork } }
  return async (url: string, options: Omit<GuardedRequest, 'url'> = {}) => {
    const response = await guardedFetch(guard, { url, ...options })
    return { status: response.status, text: await response.body.text() }
  }
}

describe('redirects', () => {
  it('are followed for as many hops as allowed, each one checked (M6)', async () => {
    const internet = new HostileInternet()
      .host('a.example:443', redirect('https://b.example/x'))
      .host('b.example:443', redirect('/y', 308))
      .host('c.example:443', redirect('https://b.example/x'))
    internet.host('b.example:443', (request) => (request.url.endsWith('/y') ? new Response('there') : redirect('/y')()))
    const ask = asking(internet)
    expect(await ask('https://a.example/', { maxRedirects: 2 })).toEqual({ status: 200, text: 'there' })
    await expect(ask('https://a.example/', { maxRedirects: 1 })).rejects.toMatchObject({ failure: 'redirected' })
    expect((await ask('https://a.example/')).status).toBe(302)
  })

  it('that go round in circles end', async () => {
    const internet = new HostileInternet().host('a.example:443', redirect('https://a.example/'))
    await expect(asking(internet)('https://a.example/', { maxRedirects: 5 })).rejects.toMatchObject({ failure: 'redirected' })
    expect(internet.asked).toHaveLength(6)
  })

  it.each([
    'http://b.example/',
    'https://127.0.0.1/',
    'https://0x7f.1/',
    'https://[::ffff:10.0.0.1]/',
    'https://u:p@b.example/',
    'file:///etc/passwd',
    '//localhost/',
  ])('to %s are not followed', async (location) => {
    const internet = new HostileInternet().host('a.example:443', redirect(location))
    await expect(asking(internet)('https://a.example/', { maxRedirects: 5 })).rejects.toMatchObject({ failure: 'blocked' })
    expect(internet.asked).toHaveLength(1)
  })

  it('do not carry headers of the first request elsewhere', async () => {
    let seen: string | null = ''
    const internet = new HostileInternet().host('a.example:443', redirect('https://b.example/')).host('b.example:443', (request) => {
      seen = request.headers.get('authorization')
      return new Response('')
    })
    await asking(internet)('https://a.example/', { maxRedirects: 1, headers: { authorization: 'secret' } })
    expect(seen).toBeNull()
  })

  it('of requests that change something are answers', async () => {
    const internet = new HostileInternet().host('a.example:443', redirect('https://b.example/', 307))
    expect((await asking(internet)('https://a.example/', { method: 'PUT', body: '{}', maxRedirects: 5 })).status).toBe(307)
  })
})

describe('bodies (F20)', () => {
  it('are cut off at their bound, whatever they announce', async () => {
    const internet = new HostileInternet()
      .host('endless.example:443', () => flood())
      .host('honest.example:443', () => new Response('x'.repeat(11), { headers: { 'content-length': '11' } }))
      .host('liar.example:443', () => new Response('x'.repeat(11), { headers: { 'content-length': '1' } }))
      .host('exact.example:443', () => new Response('x'.repeat(10)))
    const ask = asking(internet)
    for (const name of ['endless', 'honest', 'liar']) {
      await expect(ask(`https://${name}.example/`, { maxBytes: 10 })).rejects.toMatchObject({ failure: 'too_large' })
    }
    expect((await ask('https://exact.example/', { maxBytes: 10 })).text).toHaveLength(10)
  })

  it('that are not UTF-8 are no text', async () => {
    const internet = new HostileInternet().host('a.example:443', () => new Response(Uint8Array.of(0xff, 0xfe)))
    await expect(asking(internet)('https://a.example/')).rejects.toMatchObject({ failure: 'invalid' })
  })
})

describe('time', () => {
  it('is limited while waiting for the head, and while waiting for the body', async () => {
    vi.useFakeTimers()
    try {
      const internet = new HostileInternet()
        .host('silent.example:443', () => new Promise<Response>(() => undefined))
        .host('dripping.example:443', () => new Response(new ReadableStream({ pull: () => new Promise<void>(() => undefined) })))
      for (const name of ['silent', 'dripping']) {
        const outcome = expect(asking(internet)(`https://${name}.example/`, { timeoutMs: 1_000 })).rejects.toMatchObject({
          failure: 'timeout',
        })
        await vi.advanceTimersByTimeAsync(1_000)
        await outcome
      }
      expect(vi.getTimerCount()).toBe(0)
    } finally {
      vi.useRealTimers()
    }
  })
})

it('calls a host that is not there unreachable', async () => {
  await expect(asking(new HostileInternet())('https://nowhere.example/')).rejects.toMatchObject({ failure: 'unreachable' })
})

describe('a connection to another host than the URL names', () => {
  it('proves to be the one that the URL names', async () => {
    const internet = new HostileInternet().host(
      'srv.example:4443',
      async (request) => new Response(`${request.url} ${await request.text()}`),
    )
    const answer = await asking(internet)('https://a.example/x?y=1', {
      method: 'PUT',
      body: '{"z":"ä"}',
      connectTo: { hostname: 'srv.example', port: 4443 },
    })
    expect(answer).toEqual({ status: 200, text: 'https://a.example/x?y=1 {"z":"ä"}' })
    expect(internet.connected).toEqual([{ hostname: 'srv.example', port: 4443, tlsName: 'a.example' }])
  })

  it.each(['127.0.0.1', '0x7f.1', '::1', 'localhost', '10.0.0.1'])('is not made to %s (F17)', async (hostname) => {
    const internet = new HostileInternet()
    const asked = asking(internet)('https://a.example/', { connectTo: { hostname, port: 8448 } })
    await expect(asked).rejects.toMatchObject({ failure: 'blocked' })
    expect(internet.connected).toEqual([])
  })
})
