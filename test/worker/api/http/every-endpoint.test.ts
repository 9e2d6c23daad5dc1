import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { RequestContext } from '../../../../src/domain/context.ts'
import type { JsonObject } from '../../../../src/matrix/json.ts'
import { log } from '../../../../src/runtime/log.ts'
import { call, PASSWORD, registerAccount, type TestSession } from '../../../support/api-client.ts'
import { userStub } from '../../../support/crash-worker.ts'
import { type PathValues, type SweepAnswer, sweepClientEndpoints, sweepServerEndpoints } from '../../../support/endpoint-sweep.ts'
import { HostileInternet } from '../../../support/hostile-internet.ts'
import { HostileServer } from '../../../support/hostile-server.ts'
import { createRoom, enc, join, ok, say } from '../../../support/room-api.ts'

/** What nobody may find in a log. */
const SECRETS = {
  message: 'whisper-zvbk',
  query: 'query-zvbk',
  password: PASSWORD,
  wrongPassword: 'wrong-password-zvbk',
  key: 'a2V5LXp2Ymsta2V5LXp2Ymsta2V5LXp2Ymsta2V5LXp2Yms',
  email: 'zvbk@mail.example',
  token: 'syt_token_zvbk',
} as const
/** Closes whatever it may stand in, and would be a pattern. */
const HOSTILE = `zvbk'"\`; DROP TABLE events; --%_*`

/** Everything that was logged: level and line. */
const logged: [level: string, line: string][] = []
/** Statements that objects and the registry were given, and how many values with them. */
const statements = new Map<string, number>()
const answers: SweepAnswer[] = []
/** Those to requests for which no session could be opened. */
const failures: SweepAnswer[] = []
const tokens = new Set<string>()
const identifiers = new Set<string>()

function listen(): void {
  for (const level of ['debug', 'info', 'warn', 'error'] as const) {
    vi.spyOn(log, level).mockImplementation((message: string, cause?: unknown) => {
      logged.push([level, `${message}: ${cause instanceof Error ? `${cause.message} ${cause.stack}` : JSON.stringify(cause)}`])
    })
  }
  for (const method of ['log', 'info', 'warn', 'error', 'debug'] as const) {
    vi.spyOn(console, method).mockImplementation((...parts: unknown[]) => {
      logged.push(['console', parts.map(String).join(' ')])
    })
  }
}

const note = (query: unknown, values: number): void => {
  if (typeof query === 'string') statements.set(query, Math.max(values, statements.get(query) ?? 0))
}

async function watchStatements(userId: string): Promise<void> {
  await runInDurableObject(userStub(userId), (_user, state) => {
    const prototype: unknown = Object.getPrototypeOf(state.storage.sql)
    const exec: unknown = Reflect.get(prototype as object, 'exec')
    if (typeof exec !== 'function') throw new Error('no statements to watch')
    Reflect.set(prototype as object, 'exec', function (this: unknown, query: unknown, ...values: unknown[]) {
      note(query, values.length)
      return Reflect.apply(exec, this, [query, ...values])
    })
  })
  const database: unknown = Object.getPrototypeOf(env.DB)
  const prepare: unknown = Reflect.get(database as object, 'prepare')
  if (typeof prepare !== 'function') throw new Error('no registry to watch')
  Reflect.set(database as object, 'prepare', function (this: unknown, query: unknown) {
    note(query, 0)
    return Reflect.apply(prepare, this, [query])
  })
}

/** A body that nearly every endpoint finds something in. */
const bodyFor = (who: TestSession, other: TestSession, roomId: string, text: string): JsonObject => {
  const keys = { [`ed25519:${who.deviceId}`]: SECRETS.key, [`curve25519:${who.deviceId}`]: SECRETS.key }
  const signatures = { [who.userId]: { [`ed25519:${who.deviceId}`]: SECRETS.key } }
  const device = { user_id: who.userId, device_id: who.deviceId, algorithms: ['m.megolm.v1.aes-sha2'], keys, signatures }
  const session = { first_message_index: 0, forwarded_count: 0, is_verified: true, session_data: { ciphertext: SECRETS.key } }
  return {
    msgtype: 'm.text',
    body: text,
    reason: text,
    name: text,
    topic: text,
    displayname: text,
    display_name: text,
    initial_device_display_name: text,
    status_msg: text,
    presence: 'online',
    user_id: other.userId,
    room_alias_name: 'zvbk',
    membership: 'join',
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: who.localpart },
    username: who.localpart,
    password: SECRETS.wrongPassword,
    new_password: SECRETS.wrongPassword,
    auth: { type: 'm.login.password', identifier: { type: 'm.id.user', user: who.userId }, password: SECRETS.wrongPassword },
    refresh_token: SECRETS.token,
    token: SECRETS.token,
    email: SECRETS.email,
    address: SECRETS.email,
    medium: 'email',
    client_secret: SECRETS.token,
    kind: 'email',
    app_id: 'm.email',
    app_display_name: text,
    device_display_name: text,
    lang: 'en',
    pushkey: SECRETS.email,
    data: { url: `https://push.example/_matrix/push/v1/notify?${SECRETS.query}`, ciphertext: SECRETS.key },
    device_keys: { ...device, [other.userId]: [] },
    one_time_keys: { 'signed_curve25519:AAAA': { key: SECRETS.key, signatures } },
    fallback_keys: { 'signed_curve25519:BBBB': { key: SECRETS.key, fallback: true, signatures } },
    master_key: { user_id: who.userId, usage: ['master'], keys: { [`ed25519:${SECRETS.key}`]: SECRETS.key }, signatures },
    [who.userId]: { [who.deviceId]: device, [SECRETS.key]: device },
    algorithm: 'm.megolm_backup.v1.curve25519-aes-sha2',
    auth_data: { public_key: SECRETS.key, signatures },
    rooms: { [roomId]: { sessions: { [SECRETS.key]: session } } },
    ...session,
    messages: { [other.userId]: { '*': { body: text, key: SECRETS.key } } },
    search_categories: { room_events: { search_term: text } },
    filter: { generic_search_term: text },
    search_term: text,
    actions: ['notify'],
    pattern: text,
    conditions: [{ kind: 'event_match', key: 'content.body', pattern: text }],
    redirect_uris: [`https://app.example/?${SECRETS.query}`],
    client_name: text,
    // To other servers' endpoints.
    pdus: [{ type: 'm.room.message', sender: other.userId, content: { body: text }, room_id: roomId }, { content: { body: text } }, text],
    edus: [
      {
        edu_type: 'm.direct_to_device',
        content: { sender: who.userId, type: 'm.x', message_id: text, messages: { [other.userId]: { '*': { body: text } } } },
      },
      { edu_type: 'm.device_list_update', content: { user_id: '@x:sweeping.example', device_id: 'D', stream_id: 1, keys: device } },
      { edu_type: 'm.receipt', content: { [roomId]: { 'm.read': { [other.userId]: text } } } },
      { edu_type: 'm.typing', content: text },
    ],
    origin: 'sweeping.example',
    origin_server_ts: 1,
    room_version: '10',
    event: {
      type: 'm.room.member',
      content: { membership: 'invite', displayname: text },
      state_key: other.userId,
      sender: '@x:sweeping.example',
    },
    invite_room_state: [{ type: 'm.room.name', state_key: '', content: { name: text }, sender: '@x:sweeping.example' }],
    server_keys: { 'silent.example': { [`ed25519:${SECRETS.key}`]: {} } },
  }
}

let alice: TestSession
let bob: TestSession
let roomId: string

/** Sessions end under some requests; one is made anew then. */
async function tokenOf(who: TestSession): Promise<string> {
  const current = [...tokens].at(-1) ?? ''
  if ((await call('GET', '/account/whoami', { token: current })).status === 200) return current
  const login = {
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: who.localpart },
    password: PASSWORD,
    device_id: who.deviceId,
  }
  const token: string = ok(await call('POST', '/login', { body: login })).body.access_token
  tokens.add(token)
  return token
}

beforeAll(async () => {
  ;[alice, bob] = [await registerAccount(), await registerAccount()]
  roomId = await createRoom(alice, { preset: 'public_chat' })
  ok(await join(bob, roomId))
  const eventId: string = ok(await say(bob, roomId, SECRETS.message)).body.event_id
  for (const id of [alice.userId, bob.userId, roomId, eventId]) identifiers.add(id)
  await watchStatements(bob.userId)
  listen()
  const peer = new HostileServer('sweeping.example', 21)
  new HostileInternet().install().server(peer)
  tokens.add(bob.token)
  const token = () => tokenOf(bob)
  const known: PathValues = {
    userId: bob.userId,
    roomId,
    roomIdOrAlias: roomId,
    eventId,
    deviceId: bob.deviceId,
    eventType: 'm.room.message',
    receiptType: 'm.read',
    keyName: 'displayname',
    serverName: 'silent.example',
    roomAlias: `#zvbk:test.example`,
    other: SECRETS.message,
  }
  const query = `?${SECRETS.query}=1&dir=b&from=${SECRETS.query}&since=${SECRETS.query}&user_id=${SECRETS.query}&filter=${SECRETS.query}`
  const hostile = { other: HOSTILE, serverName: 'silent.example', userId: bob.userId, roomId }
  const body = bodyFor(bob, alice, roomId, SECRETS.message)
  const hostileBody = bodyFor(bob, alice, roomId, HOSTILE)
  // What a body refuses in one form it accepts in another.
  const other = {
    ...body,
    device_keys: { [alice.userId]: [HOSTILE] },
    one_time_keys: { [alice.userId]: { [HOSTILE]: 'signed_curve25519' } },
    filter: {},
  }
  for (const [values, asked, sent] of [
    [known, '', body],
    [known, query, other],
    [hostile, '', hostileBody],
    [{ ...hostile, roomId: `!${HOSTILE}:test.example`, userId: alice.userId }, `?search=${enc(HOSTILE)}&name=${enc(HOSTILE)}`, other],
  ] as const) {
    answers.push(...(await sweepClientEndpoints({ token, values, query: asked, body: sent })))
    answers.push(...(await sweepServerEndpoints(peer, { values: { ...values, userId: alice.userId }, query: asked, body: sent })))
  }
  // Everything fails.
  vi.spyOn(RequestContext.prototype, 'session', 'get').mockImplementation(() => {
    throw new Error('broken by a test')
  })
  failures.push(...(await sweepClientEndpoints({ token: async () => bob.token, values: known, query, body })))
}, 300_000)
afterAll(() => {
  vi.restoreAllMocks()
})

describe('every endpoint', () => {
  it('R11: has its JSON kept by no cache, and nothing that belongs to somebody by a shared one', () => {
    const asked = [...answers, ...failures].filter(({ auth }) => auth !== 'none')
    expect(asked.length).toBeGreaterThan(400)
    for (const { endpoint, status, headers } of asked) {
      const told = headers.get('Cache-Control') ?? ''
      const isJson = headers.get('Content-Type')?.startsWith('application/json') === true
      expect(
        isJson ? told === 'no-store' || /^private\b/.test(told) : !/public|s-maxage/.test(told),
        `${endpoint} ${status}: ${told}`,
      ).toBe(true)
    }
  })

  it('O9, D8: has nothing logged or counted of tokens, passwords, keys, messages, queries and addresses, also where everything fails', async () => {
    expect(failures.filter(({ status }) => status === 500).length).toBeGreaterThan(50)
    expect(logged.filter(([level]) => level === 'error').length).toBeGreaterThan(50)
    const forbidden = [...Object.values(SECRETS), ...tokens, 'zvbk']
    const found = logged.filter(([, line]) => forbidden.some((secret) => line.includes(secret)))
    expect(found).toEqual([])
    const metrics = JSON.stringify((await call('GET', '/_myelin/control/metrics', { token: env.MYELIN_CONTROL_TOKEN })).body)
    expect([metrics.length > 50, [...forbidden, ...identifiers].filter((secret) => metrics.includes(secret))]).toEqual([true, []])
    // What names people and rooms is for whoever looks for a defect.
    const named = logged.filter(([level, line]) => level !== 'debug' && [...identifiers].some((id) => line.includes(id)))
    expect(named).toEqual([])
  })

  it('O11: has values bound to statements, never written into them, and no more than may be bound', () => {
    expect(statements.size).toBeGreaterThan(100)
    expect([...statements.keys()].filter((query) => query.includes('zvbk') || query.includes(bob.userId))).toEqual([])
    expect([...statements].filter(([, values]) => values > 100).map(([query]) => query)).toEqual([])
  })

  it('answers what nobody thought of with a refusal, not with a defect', () => {
    expect(answers.filter(({ status }) => status === 500).map(({ endpoint }) => endpoint)).toEqual([])
  })
})
