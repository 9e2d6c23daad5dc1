import { expect, it } from 'vitest'
import type { RoomEvent } from '../../../../src/matrix/events/room-event.ts'
import type { JsonObject } from '../../../../src/matrix/json.ts'
import { unwrap } from '../../../../src/runtime/outcome.ts'
import { caller, createLocalRoom, type LocalRoom } from '../../../support/local-room.ts'
import { branchOf } from '../../../support/room-branch.ts'

const ALICE = '@alice:remote.example'

const related = (relType: string, eventId: string, more: JsonObject = {}): JsonObject => ({
  body: 'x',
  ...more,
  'm.relates_to': { rel_type: relType, event_id: eventId },
})

async function relationsOf(room: LocalRoom, eventId: string): Promise<string[]> {
  const request = {
    eventId,
    relType: undefined,
    eventType: undefined,
    from: undefined,
    to: undefined,
    dir: 'f',
    limit: 100,
    recurse: false,
  } as const
  const page = JSON.parse(unwrap(await room.stub.relations(caller(ALICE), request)))
  return page.chunk.map(({ event_id }: { event_id: string }) => event_id)
}

async function threads(
  room: LocalRoom,
): Promise<{ readonly event_id: string; readonly unsigned: Record<string, Record<string, JsonObject>> }[]> {
  return JSON.parse(unwrap(await room.stub.threads(caller(ALICE), { include: 'all', limit: 10, from: undefined }))).chunk
}

it.each(['10', '12'])('history of a room of version %s that is fetched later brings its relations with it', async (version) => {
  const room = await createLocalRoom(ALICE, version)
  const start = await branchOf(room, version)
  const root = start.next(ALICE, 'm.room.message', { body: 'root' })
  const early = root.branch.next(ALICE, 'm.room.message', related('m.thread', root.event.eventId))
  const edit = early.branch.next(ALICE, 'm.room.message', related('m.replace', root.event.eventId, { 'm.new_content': { body: 'better' } }))
  const late = edit.branch.next(ALICE, 'm.room.message', related('m.thread', root.event.eventId))
  const pdus = (...events: RoomEvent[]) => events.map(({ pdu }) => pdu)
  unwrap(await room.stub.ingest({ origin: 'remote.example', pdus: pdus(late.event) }, 'test'))
  const stateIds = [...edit.branch.state.values()].map(({ eventId }) => eventId)
  unwrap(await room.stub.claimState({ eventId: late.event.eventId, stateIds, mayBeIncomplete: false }))
  unwrap(await room.stub.retryStaged())
  // The root has not arrived: there is nothing to show the thread at.
  expect(await threads(room)).toEqual([])
  const { gapOrd } = unwrap(
    await room.stub.messages(caller(ALICE), { from: undefined, to: undefined, dir: 'b', limit: 100, filter: undefined }),
  )
  if (gapOrd === undefined) throw new Error('no gap')
  const answer = await room.stub.backfill({ ord: gapOrd, pdus: pdus(root.event, early.event, edit.event), rejected: {} })
  expect(unwrap(answer)).toEqual({ kind: 'placed', events: 3 })
  expect(await relationsOf(room, root.event.eventId)).toEqual([early.event.eventId, edit.event.eventId, late.event.eventId])
  const [thread] = await threads(room)
  expect(thread?.event_id).toBe(root.event.eventId)
  expect(thread?.unsigned['m.relations']).toMatchObject({
    'm.replace': { event_id: edit.event.eventId },
    'm.thread': { count: 2, latest_event: { event_id: late.event.eventId } },
  })
})
