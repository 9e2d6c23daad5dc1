import { describe, expect, it } from 'vitest'
import { parseScope } from '../../../../src/domain/oauth/scope.ts'

const STABLE = 'urn:matrix:client:api:* urn:matrix:client:device:ABCDEFGHIJ'
const UNSTABLE = 'urn:matrix:org.matrix.msc2967.client:api:* urn:matrix:org.matrix.msc2967.client:device:ABCDEFGHIJ'

describe('a scope (A8)', () => {
  it.each([STABLE, UNSTABLE, STABLE.split(' ').reverse().join(' ')])('%s is the whole API on one device', (text) => {
    expect(parseScope(text)).toEqual({ deviceId: 'ABCDEFGHIJ', granted: text })
  })

  it('may name the same device under both names, and ask for OpenID Connect, which grants nothing', () => {
    expect(parseScope(`openid ${STABLE} ${UNSTABLE}`)).toEqual({ deviceId: 'ABCDEFGHIJ', granted: `${STABLE} ${UNSTABLE}` })
  })

  it.each([
    undefined,
    '',
    'openid',
    'urn:matrix:client:api:*',
    'urn:matrix:client:device:ABCDEFGHIJ',
    'urn:matrix:client:api:read urn:matrix:client:device:ABCDEFGHIJ',
    `${STABLE} urn:matrix:client:device:OTHER`,
    `${STABLE} urn:synapse:admin:*`,
    'urn:matrix:client:api:* urn:matrix:client:device:',
    'urn:matrix:client:api:* urn:matrix:client:device:a/b',
    'urn:matrix:client:api:* urn:matrix:client:device:ü',
    `urn:matrix:client:api:* urn:matrix:client:device:${'a'.repeat(256)}`,
    STABLE.replace(' ', '\t'),
  ])('%s is refused', (text) => {
    expect(parseScope(text)).toBeUndefined()
  })
})
