import { expect, it } from 'vitest'
import { ConfigError, configOf, parseConfig } from '../../../src/runtime/config.ts'

const secrets = { MYELIN_SECRET: 'A'.repeat(43), MYELIN_SIGNING_KEY: `ed25519 a_test ${'A'.repeat(43)}` }
const problemsOf = (vars: Record<string, unknown>): readonly string[] => {
  try {
    parseConfig(vars)
    return []
  } catch (cause) {
    if (cause instanceof ConfigError) return cause.problems
    throw cause
  }
}

it('is closed and limited when nothing is configured', () => {
  expect(parseConfig(secrets)).toMatchObject({
    serverName: 'localhost:8448',
    registration: 'closed',
    rateLimits: true,
    allowPrivateNetwork: false,
    defaultRoomVersion: '12',
    controlToken: undefined,
  })
})

it('lists every problem at once', () => {
  const problems = problemsOf({
    MYELIN_SERVER_NAME: 'a b',
    MYELIN_PUBLIC_URL: 'ftp://x',
    MYELIN_REGISTRATION: 'perhaps',
    MYELIN_RATE_LIMITS: 'sometimes',
    MYELIN_REGISTRATION_SHARED_SECRET: 'short',
  })
  expect(problems).toHaveLength(7)
})

it('refuses secrets that are too short or damaged', () => {
  for (const secret of ['', 'AAAA', 'A'.repeat(41), 'not base64!', '='.repeat(50)]) {
    expect(problemsOf({ ...secrets, MYELIN_SECRET: secret })).toHaveLength(1)
  }
  for (const key of ['', 'ed25519', 'rsa a_1 AAAA', 'ed25519 a_1 AAAA', `ed25519 a:1 ${'A'.repeat(43)}`]) {
    expect(problemsOf({ ...secrets, MYELIN_SIGNING_KEY: key })).toHaveLength(1)
  }
})

it('accepts every form of server name and no other', () => {
  for (const name of ['a.example', 'localhost:8448', '192.0.2.1:1', '[2001:db8::1]:8448', '[::1]']) {
    expect(problemsOf({ ...secrets, MYELIN_SERVER_NAME: name })).toEqual([])
  }
  for (const name of ['a b', 'a.example:', 'a.example:99999', 'a.example/', '::1', 'a:b:c', '@a:b', 'ä.example']) {
    expect(problemsOf({ ...secrets, MYELIN_SERVER_NAME: name })).toHaveLength(1)
  }
})

it('is parsed once per environment', () => {
  const env = { ...secrets }
  expect(configOf(env)).toBe(configOf(env))
})

it('takes TURN servers with their secret, and neither without the other', () => {
  const turn = { MYELIN_TURN_URIS: 'turn:turn.example.org?transport=udp, turns:turn.example.org:5349', MYELIN_TURN_SECRET: 'shared' }
  expect(parseConfig({ ...secrets, ...turn }).turn).toEqual({
    uris: ['turn:turn.example.org?transport=udp', 'turns:turn.example.org:5349'],
    secret: 'shared',
  })
  expect(parseConfig(secrets).turn).toBeUndefined()
  expect(problemsOf({ ...secrets, MYELIN_TURN_URIS: turn.MYELIN_TURN_URIS })).toHaveLength(1)
  expect(problemsOf({ ...secrets, MYELIN_TURN_SECRET: 'shared' })).toHaveLength(1)
  expect(problemsOf({ ...secrets, ...turn, MYELIN_TURN_URIS: 'https://turn.example.org' })).toHaveLength(1)
})
