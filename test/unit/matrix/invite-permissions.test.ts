import { describe, expect, test } from 'vitest'
import { compileInvitePermissions } from '../../../src/matrix/invite-permissions.ts'
import type { JsonObject } from '../../../src/matrix/json.ts'

const BOB = '@bob:evil.example'

describe('permissions to invite (client-server-api#invite-permission)', () => {
  test.each<[unknown, string]>([
    [{ default_action: 'block' }, 'block'],
    [{ default_action: 'allow' }, 'allow'],
    [{ default_action: ['block'] }, 'allow'],
    [{}, 'allow'],
    [null, 'allow'],
  ])('%j: %s', (config, expected) => expect(compileInvitePermissions(config, { allowed_users: [BOB] })(BOB)).toBe(expected))
})

describe('lists of those who may invite (MSC4155)', () => {
  test.each<[string, JsonObject, string, string]>([
    ['nobody named', {}, BOB, 'allow'],
    ['a user blocked', { blocked_users: [BOB] }, BOB, 'block'],
    ['another user', { blocked_users: [BOB] }, '@eve:evil.example', 'allow'],
    ['a user ignored', { ignored_users: [BOB] }, BOB, 'ignore'],
    ['a server blocked', { blocked_servers: ['evil.example'] }, BOB, 'block'],
    ['a server on any port, in any case', { blocked_servers: ['EVIL.example'] }, '@bob:evil.Example:8448', 'block'],
    ['a server ignored', { ignored_servers: ['evil.example'] }, BOB, 'ignore'],
    ['a pattern of servers', { blocked_servers: ['*.example'] }, BOB, 'block'],
    ['a pattern of users', { blocked_users: ['@b?b:*'] }, BOB, 'block'],
    ['users in their case', { blocked_users: ['@BOB:evil.example'] }, BOB, 'allow'],
    ['a user of a blocked server', { allowed_users: [BOB], blocked_servers: ['*'] }, BOB, 'allow'],
    ['a blocked user of an allowed server', { blocked_users: [BOB], allowed_servers: ['evil.example'] }, BOB, 'block'],
    ['allowed before ignored before blocked', { ignored_users: [BOB], blocked_users: [BOB] }, BOB, 'ignore'],
    ['allowed before all', { allowed_users: [BOB], ignored_users: [BOB], blocked_users: [BOB] }, BOB, 'allow'],
    ['servers likewise', { allowed_servers: ['*'], ignored_servers: ['*'], blocked_servers: ['*'] }, BOB, 'allow'],
    ['switched off', { enabled: false, blocked_servers: ['*'] }, BOB, 'allow'],
    ['null fields', { allowed_users: null, blocked_servers: ['*'] }, BOB, 'block'],
    ['a list that is none: the whole is invalid', { allowed_users: 'x', blocked_servers: ['*'] }, BOB, 'allow'],
    ['an entry that is no text: the whole is invalid', { allowed_users: [1], blocked_servers: ['*'] }, BOB, 'allow'],
  ])('%s', (_what, lists, inviter, expected) => expect(compileInvitePermissions(undefined, lists)(inviter)).toBe(expected))
})
