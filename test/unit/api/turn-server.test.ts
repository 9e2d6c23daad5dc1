import { createHmac } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { turnAnswer } from '../../../src/api/client/voip/get-turn-server.ts'

describe('TURN servers', () => {
  it('get a name that says until when it is good, and the password that follows from it and the secret', () => {
    const turn = { uris: ['turn:turn.example.org?transport=udp'], secret: 'shared' }
    const answer = turnAnswer(turn, '@alice:example.org', 1_000_500)
    expect(answer).toEqual({
      username: '87400:@alice:example.org',
      password: createHmac('sha1', 'shared').update('87400:@alice:example.org').digest('base64'),
      uris: turn.uris,
      ttl: 86_400,
    })
  })
})
