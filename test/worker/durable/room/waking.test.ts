import { describe, expect, it } from 'vitest'
import { isJsonObject } from '../../../../src/matrix/json.ts'
import { unwrap } from '../../../../src/runtime/outcome.ts'
import { endObject } from '../../../support/crash-worker.ts'
import { caller, createLocalRoom, type LocalRoom, roomStub } from '../../../support/local-room.ts'

const ALICE = '@alice:remote.example'

async function page(room: LocalRoom, from?: string): Promise<{ bodies: unknown[]; end: string | undefined }> {
  const request = { from, to: undefined, dir: 'b' as const, limit: 2, filter: undefined }
  const { chunk, end } = JSON.parse(unwrap(await roomStub(room.roomId).messages(caller(ALICE), request)).json)
  return { bodies: chunk.map(({ content }: { content: unknown }) => (isJsonObject(content) ? content.body : undefined)), end }
}

/** Rooms that say nothing about who may read their history are read without a look at what else they are. */
describe('a room without a history visibility whose object was out of memory', () => {
  it('is read from its end, and on from what a page said, by the first call of a life', async () => {
    const room = await createLocalRoom(ALICE)
    for (const body of ['one', 'two', 'three', 'four']) await room.send(ALICE, { body })
    await endObject('room', room.roomId)
    const newest = await page(room)
    expect(newest.bodies).toEqual(['four', 'three'])
    await endObject('room', room.roomId)
    expect((await page(room, newest.end)).bodies).toEqual(['two', 'one'])
  })
})
