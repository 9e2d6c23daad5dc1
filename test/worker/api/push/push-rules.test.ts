import { describe, expect, it } from 'vitest'
import { call, logIn, registerAccount, type TestSession } from '../../../support/api-client.ts'
import { endObject } from '../../../support/crash-worker.ts'
import { enc, ok } from '../../../support/room-api.ts'

/*
 * Push rules over the API (client-server-api#push-rules-api): order, errors, and how other devices hear of changes.
 */

const rule = (kind: string, ruleId: string, rest = ''): string => `/pushrules/global/${kind}/${enc(ruleId)}${rest}`
const put = (who: TestSession, path: string, body: unknown = { actions: ['notify'] }) => call('PUT', path, { token: who.token, body })
const get = (who: TestSession, path: string) => call('GET', path, { token: who.token })
const orderOf = async (who: TestSession, kind: string): Promise<string[]> =>
  ok(await get(who, '/pushrules/global/')).body[kind].map(({ rule_id }: { rule_id: string }) => rule_id)
const ownOrder = async (who: TestSession, kind: string): Promise<string[]> => (await orderOf(who, kind)).filter((id) => !id.startsWith('.'))

describe('the order of rules', () => {
  it('has the latest first, unless the client says before or after which one', async () => {
    const alice = await registerAccount()
    for (const id of ['one', 'two']) ok(await put(alice, rule('sender', `@${id}:x`)))
    expect(await ownOrder(alice, 'sender')).toEqual(['@two:x', '@one:x'])
    ok(await put(alice, `${rule('sender', '@three:x')}?before=${enc('@one:x')}`))
    ok(await put(alice, `${rule('sender', '@four:x')}?after=${enc('@one:x')}`))
    expect(await ownOrder(alice, 'sender')).toEqual(['@two:x', '@three:x', '@one:x', '@four:x'])
    // Both: next to what comes after it.
    ok(await put(alice, `${rule('sender', '@five:x')}?before=${enc('@two:x')}&after=${enc('@four:x')}`))
    expect((await ownOrder(alice, 'sender'))[0]).toBe('@five:x')
    // A rule that is there moves where it is told to, and stays where it is otherwise.
    ok(await put(alice, `${rule('sender', '@five:x')}?after=${enc('@four:x')}`))
    ok(await put(alice, rule('sender', '@two:x'), { actions: [] }))
    expect(await ownOrder(alice, 'sender')).toEqual(['@two:x', '@three:x', '@one:x', '@four:x', '@five:x'])
    await endObject('user', alice.userId)
    expect(await ownOrder(alice, 'sender')).toEqual(['@two:x', '@three:x', '@one:x', '@four:x', '@five:x'])
  })

  it('keeps the master rule above and the other defaults below those of the user', async () => {
    const alice = await registerAccount()
    ok(await put(alice, rule('override', 'mine'), { actions: [], conditions: [] }))
    const override = await orderOf(alice, 'override')
    expect(override.slice(0, 3)).toEqual(['.m.rule.master', 'mine', '.m.rule.suppress_notices'])
    ok(await put(alice, rule('underride', 'mine'), { actions: [], conditions: [] }))
    expect((await orderOf(alice, 'underride'))[0]).toBe('mine')
  })

  it.each(['before', 'after'])('refuses a rule %s one that is not there, or is a default', async (where) => {
    const alice = await registerAccount()
    for (const anchor of ['nobody', '.m.rule.call']) {
      const answer = await put(alice, `${rule('underride', 'x')}?${where}=${anchor}`, { actions: [], conditions: [] })
      expect([answer.status, answer.body.errcode]).toEqual([400, 'M_UNKNOWN'])
    }
    expect(await ownOrder(alice, 'underride')).toEqual([])
  })
})

describe('what rules do', () => {
  it('is changed for own and default rules alike, and forgotten with a rule that is made anew', async () => {
    const alice = await registerAccount()
    ok(await put(alice, rule('room', '!room:x')))
    for (const path of [rule('room', '!room:x'), rule('underride', '.m.rule.message')]) {
      ok(await put(alice, `${path}/enabled`, { enabled: false }))
      ok(await put(alice, `${path}/actions`, { actions: ['notify', { set_tweak: 'sound', value: 'x' }] }))
      expect(ok(await get(alice, `${path}/enabled`)).body).toEqual({ enabled: false })
      expect(ok(await get(alice, `${path}/actions`)).body).toEqual({ actions: ['notify', { set_tweak: 'sound', value: 'x' }] })
      expect(ok(await get(alice, path)).body).toMatchObject({ enabled: false })
    }
    ok(await call('DELETE', rule('room', '!room:x'), { token: alice.token }))
    ok(await put(alice, rule('room', '!room:x')))
    expect(ok(await get(alice, rule('room', '!room:x'))).body).toMatchObject({ enabled: true, actions: ['notify'], default: false })
  })

  it.each([
    ['GET', rule('room', '!none:x'), undefined],
    ['GET', rule('room', '!none:x', '/enabled'), undefined],
    ['GET', rule('room', '!none:x', '/actions'), undefined],
    ['PUT', rule('room', '!none:x', '/enabled'), { enabled: true }],
    ['PUT', rule('room', '!none:x', '/actions'), { actions: [] }],
    ['PUT', rule('override', '.m.rule.nonsense', '/enabled'), { enabled: true }],
    ['DELETE', rule('room', '!none:x'), undefined],
    ['DELETE', rule('override', '.m.rule.master'), undefined],
  ])('%s %s is M_NOT_FOUND', async (method, path, body) => {
    const alice = await registerAccount()
    const answer = await call(method, path, { token: alice.token, body })
    expect([answer.status, answer.body.errcode]).toEqual([404, 'M_NOT_FOUND'])
  })

  it.each([
    [rule('room', '!room:x', '/enabled'), {}],
    [rule('room', '!room:x', '/enabled'), { enabled: 'yes' }],
    [rule('room', '!room:x', '/actions'), { actions: [{ value: 1 }] }],
    [rule('room', '!room:x', '/actions'), {}],
    [rule('content', 'a/b'), { actions: [], pattern: 'x' }],
    [rule('content', 'a\\b'), { actions: [], pattern: 'x' }],
    [rule('override', 'x'), { actions: [], conditions: ['x'] }],
  ])('PUT %s with %j is refused', async (path, body) => {
    const alice = await registerAccount()
    ok(await put(alice, rule('room', '!room:x')))
    expect((await put(alice, path, body)).status).toBe(400)
  })
})

it('push rules are account data that every device hears of', async () => {
  const alice = await registerAccount()
  const phone = await logIn(alice.localpart)
  const first = ok(await get(phone, '/sync')).body
  const rulesIn = (answer: { account_data: { events: { type: string; content: { global: Record<string, { rule_id: string }[]> } }[] } }) =>
    answer.account_data.events.find(({ type }) => type === 'm.push_rules')?.content.global
  expect(rulesIn(first)?.override?.[0]?.rule_id).toBe('.m.rule.master')
  const waiting = get(phone, `/sync?since=${enc(first.next_batch)}&timeout=10000`)
  ok(await put(alice, rule('room', '!room:x')))
  expect(rulesIn(ok(await waiting).body)?.room).toEqual([{ rule_id: '!room:x', default: false, enabled: true, actions: ['notify'] }])
})
