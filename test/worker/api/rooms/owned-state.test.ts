import { describe, expect, it } from 'vitest'
import { call, type TestSession } from '../../../support/api-client.ts'
import { createRoom, join, ok, people, putState } from '../../../support/room-api.ts'

const TYPE = 'com.example.test'
const SUFFIX = '_state_key_suffix:!@#$123'

async function room(version: string): Promise<{ creator: TestSession; one: TestSession; two: TestSession; roomId: string }> {
  const [creator, one, two] = (await people(3)) as [TestSession, TestSession, TestSession]
  const roomId = await createRoom(creator, {
    room_version: version,
    preset: 'public_chat',
    power_level_content_override: { events: { [TYPE]: 0 } },
  })
  for (const who of [one, two]) ok(await join(who, roomId))
  return { creator, one, two, roomId }
}

describe.each(['org.matrix.msc3757.10', 'org.matrix.msc3757.11'])('E11: owned state (MSC3757) in rooms of version %s', (version) => {
  it('is set by its owner and by those with more power, and by nobody else', async () => {
    const { creator, one, two, roomId } = await room(version)
    const cases: readonly (readonly [string, TestSession, string, number, string | undefined])[] = [
      ['one’s own ID', one, one.userId, 200, undefined],
      ['one’s own ID and more', one, `${one.userId}${SUFFIX}`, 200, undefined],
      ['somebody below', creator, one.userId, 200, undefined],
      ['somebody below and more', creator, `${one.userId}${SUFFIX}`, 200, undefined],
      ['somebody who is not there', creator, '@notinroom:hs2', 200, undefined],
      ['somebody equal', one, two.userId, 403, 'M_FORBIDDEN'],
      ['somebody equal and more', one, `${two.userId}${SUFFIX}`, 403, 'M_FORBIDDEN'],
      ['somebody above', one, `${creator.userId}_x`, 403, 'M_FORBIDDEN'],
      ['a suffix that is part of the server name', one, `${one.userId}${SUFFIX.slice(1)}`, 403, 'M_FORBIDDEN'],
      ['one’s own ID further back', one, `@prefix_${one.userId}${SUFFIX}`, 403, 'M_FORBIDDEN'],
      ['no user ID', creator, '@oops', 400, 'M_BAD_JSON'],
      ['another separator', creator, `${creator.userId}@${SUFFIX.slice(1)}`, 400, 'M_BAD_JSON'],
    ]
    for (const [what, who, stateKey, status, errcode] of cases) {
      const answer = await putState(who, roomId, TYPE, { what }, stateKey)
      expect([what, answer.status, answer.body.errcode]).toEqual([what, status, errcode])
    }
  })
})

it('rooms of published versions know no such state, and none is made of an unstable version unless it is asked for', async () => {
  const { creator, one, roomId } = await room('11')
  expect((await putState(one, roomId, TYPE, {}, `${one.userId}_x`)).status).toBe(403)
  expect((await putState(creator, roomId, TYPE, {}, one.userId)).status).toBe(403)
  const { capabilities } = ok(await call('GET', '/capabilities', { token: one.token })).body
  expect(capabilities['m.room_versions'].available['org.matrix.msc3757.11']).toBe('unstable')
  expect(capabilities['m.room_versions'].default).toBe('12')
})
