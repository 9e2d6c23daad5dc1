import { describe, expect, test } from 'vitest'
import type { JsonObject } from '../../../src/matrix/json.ts'
import { compileServerAcl, OPEN_SERVER_ACL } from '../../../src/matrix/server-acl.ts'

describe('server access control lists (client-server-api#mroomserver_acl, F15)', () => {
  test.each<[JsonObject, string, boolean]>([
    [{ allow: ['*'] }, 'good.test', true],
    [{ allow: ['*'], deny: ['evil.test'] }, 'evil.test', false],
    [{ allow: ['*'], deny: ['evil.test'] }, 'evil.test:8448', false],
    [{ allow: ['*'], deny: ['evil.test'] }, 'EVIL.Test:1', false],
    [{ allow: ['*'], deny: ['EVIL.test'] }, 'evil.test', false],
    [{ allow: ['*'], deny: ['evil.test'] }, 'sub.evil.test', true],
    [{ allow: ['*'], deny: ['*.evil.test'] }, 'sub.evil.test', false],
    [{ allow: ['*'], deny: ['evil?.test'] }, 'evil2.test', false],
    [{ allow: ['*'], deny: ['evil?.test'] }, 'evil.test', true],
    [{ allow: ['good.test'] }, 'good.test', true],
    [{ allow: ['good.test'] }, 'other.test', false],
    [{ allow: ['good.test'], deny: ['good.test'] }, 'good.test', false],
    [{}, 'good.test', false],
    [{ allow: 'good.test' }, 'good.test', false],
    [{ allow: [1, {}, null, 'good.test'], deny: [2, 'x'] }, 'good.test', true],
    [{ allow: ['*'], deny: 'good.test' }, 'good.test', true],
    [{ allow: ['*'], allow_ip_literals: false }, '1.2.3.4', false],
    [{ allow: ['*'], allow_ip_literals: false }, '1.2.3.4:8448', false],
    [{ allow: ['*'], allow_ip_literals: false }, '[::1]:8448', false],
    [{ allow: ['*'], allow_ip_literals: false }, '1.2.3.4.test', true],
    [{ allow: ['*'], allow_ip_literals: 'false' }, '1.2.3.4', true],
    [{ allow: ['*'] }, '[::1]', true],
    [{ allow: ['*'], deny: ['[::1]'] }, '[::1]:80', false],
    [{ allow: ['*'], deny: ['1.2.3.*'] }, '1.2.3.4:80', false],
    [{ allow: ['*'] }, 'not a server', false],
    [{ allow: ['*'] }, '', false],
    [{ allow: ['constructor'] }, 'toString', false],
  ])('%j and %s: %s', (content, serverName, allowed) => {
    expect(compileServerAcl(content)(serverName)).toBe(allowed)
  })

  test('allow everybody where there is none', () => {
    expect(OPEN_SERVER_ACL('evil.test')).toBe(true)
  })

  test('full of hostile patterns cost little (P10, S6)', () => {
    const deny = Array.from({ length: 600 }, (_, index) => `${'*a'.repeat(50)}${index}`)
    const acl = compileServerAcl({ allow: ['*'], deny })
    const started = process.cpuUsage().user
    expect(acl('a'.repeat(255))).toBe(true)
    expect(process.cpuUsage().user - started).toBeLessThan(500_000)
  })
})
