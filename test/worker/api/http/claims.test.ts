import { describe, expect, it } from 'vitest'
import { ENDPOINTS } from '../../../../src/api/index.ts'
import { FEDERATION_ENDPOINTS } from '../../../../src/federation/inbound/index.ts'
import { call, registerAccount } from '../../../support/api-client.ts'

declare global {
  interface ImportMeta {
    /** Of Vite, which runs the tests: files by path. */
    glob<T>(pattern: string, options: { readonly query: string; readonly import: string; readonly eager: true }): Record<string, T>
  }
}

/** The text of every test but this one. */
const tests = Object.entries(import.meta.glob<string>('../../../**/*.ts', { query: '?raw', import: 'default', eager: true }))
  .filter(([path]) => !path.endsWith('claims.test.ts'))
  .map(([, text]) => text)
const isTested = (name: string): boolean => tests.some((text) => text.toLowerCase().includes(name.toLowerCase()))

/** Unlike anything that exists, below everything that does. */
const unknownPaths = (): string[] => {
  const prefixes = new Set(
    [...ENDPOINTS, ...FEDERATION_ENDPOINTS]
      .flatMap(({ paths }) => paths)
      .filter((path) => path.startsWith('/_'))
      .map((path) =>
        path
          .split('/')
          .slice(0, path.includes('/unstable/') ? 5 : 4)
          .join('/'),
      ),
  )
  const others = [
    '/_matrix/client/v99',
    '/_matrix/client/unstable/org.example.msc1',
    '/_matrix/federation/v9',
    '/_synapse/admin/v9',
    '/_matrix',
  ]
  return [...prefixes, ...others].map((prefix) => `${prefix}/no_such_endpoint/x`)
}

describe('O16: what this server says that it can do', () => {
  it('is nothing for what it does not know: every unknown endpoint, under stable and unstable prefixes, is refused as such', async () => {
    const { token } = await registerAccount()
    const paths = unknownPaths()
    expect(paths.length).toBeGreaterThan(10)
    for (const path of paths) {
      for (const method of ['GET', 'POST', 'PUT', 'DELETE']) {
        const answer = await call(method, path, { token, ...(method === 'GET' ? {} : { body: {} }) })
        expect([path, method, answer.status, answer.body.errcode]).toEqual([path, method, expect.toBeOneOf([404, 405]), 'M_UNRECOGNIZED'])
      }
    }
    for (const path of ['/_matrix/client/v99/sync', '/_matrix/client/unstable/sync', '/_matrix/federation/v9/version']) {
      expect((await call('GET', path, { token })).status, path).toBe(404)
    }
  })

  it('is shown by tests: each feature of /versions and each capability, by its number or name', async () => {
    const { token } = await registerAccount()
    const { unstable_features: features, versions } = (await call('GET', '/_matrix/client/versions')).body
    const { capabilities } = (await call('GET', '/capabilities', { token })).body
    expect(versions.length).toBeGreaterThan(5)
    const numbers = Object.keys(features).map((feature) => /msc\d+/.exec(feature)?.[0] ?? feature)
    expect(numbers.filter((number) => !isTested(number))).toEqual([])
    expect(Object.keys(capabilities).filter((capability) => !isTested(capability))).toEqual([])
  })

  it('is shown by tests: each endpoint, by the words of its path', () => {
    const words = (path: string): string[] =>
      path.split('/').filter((part) => part !== '' && !part.startsWith(':') && !/^(?:_matrix|v\d|r0)$/.test(part))
    const stable = ENDPOINTS.filter(({ paths }) => paths.some((path) => /^\/_matrix\/client\/v\d/.test(path)))
    const untested = stable.filter(({ paths }) => !paths.some((path) => words(path).slice(1).every(isTested))).map(({ paths }) => paths[0])
    expect(untested).toEqual([])
  })
})
