import { describe, expect, it } from 'vitest'
import { call, registerAccount } from '../../../support/api-client.ts'
import { createRoom, ok } from '../../../support/room-api.ts'

const UNSTABLE = '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync'
const STABLE = '/_matrix/client/v4/sync'

describe('lists of sliding sync', () => {
  it.each(['__proto__', 'constructor', 'hasOwnProperty'])('may be called %s (P7)', async (name) => {
    const alice = await registerAccount()
    await createRoom(alice)
    for (const [path, range, state] of [
      [UNSTABLE, '"ranges":[[0,1]]', '[]'],
      [STABLE, '"range":[0,1]', '{}'],
    ] as const) {
      const list = `{${range},"timeline_limit":1,"required_state":${state}}`
      const { body } = ok(await call('POST', path, { token: alice.token, body: `{"lists":{"${name}":${list}}}` }))
      expect(Object.entries(body.lists)).toEqual([[name, expect.objectContaining({ count: 1 })]])
      expect(Object.keys(body.rooms)).toHaveLength(1)
    }
  })

  it.each([['[]'], ['"x"'], ['{"all":5}'], ['{"all":{"timeline_limit":-1,"required_state":[]}}']])(
    'are refused where they are %s',
    async (lists) => {
      const alice = await registerAccount()
      for (const path of [UNSTABLE, STABLE]) {
        const answer = await call('POST', path, { token: alice.token, body: `{"lists":${lists}}` })
        expect([answer.status, answer.body.errcode]).toEqual([400, expect.stringMatching(/^M_(BAD_JSON|INVALID_PARAM)$/)])
      }
    },
  )
})
