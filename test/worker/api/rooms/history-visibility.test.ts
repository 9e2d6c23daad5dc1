import { describe, expect, it } from 'vitest'
import { call, type TestSession } from '../../../support/api-client.ts'
import { edit, relating, relations, type SeenEvent, send, text, threads } from '../../../support/relations.ts'
import { createRoom, enc, join, leave, moderate, ok, people } from '../../../support/room-api.ts'

/*
 * R1: each setting of history visibility, each kind of reader, each path on which events are read. Expected is what the specification says
 * (client-server-api#room-history-visibility), except that those who were only ever invited read nothing (R3).
 */

const SETTINGS = ['world_readable', 'shared', 'invited', 'joined'] as const
type Setting = (typeof SETTINGS)[number]

/** What the readers are to the room in each phase. */
const READERS = {
  'never a member': ['leave', 'leave', 'leave', 'leave', 'leave'],
  invited: ['leave', 'invite', 'invite', 'invite', 'invite'],
  joined: ['leave', 'invite', 'join', 'join', 'join'],
  left: ['leave', 'invite', 'join', 'leave', 'leave'],
  banned: ['leave', 'invite', 'join', 'ban', 'ban'],
  rejoined: ['leave', 'invite', 'join', 'leave', 'join'],
} as const
type Kind = keyof typeof READERS
const KINDS = Object.keys(READERS) as Kind[]
const PHASES = [0, 1, 2, 3, 4] as const

/** An event that was sent in a phase; `marker` is in its body and nowhere else. */
interface Sent {
  readonly id: string
  readonly phase: number
  readonly marker: string
  readonly parent: string | undefined
}

function maySee(setting: Setting, kind: Kind, phase: number): boolean {
  const memberships: readonly string[] = READERS[kind]
  if (setting === 'world_readable') return true
  const joins = memberships.flatMap((membership, index) => (membership === 'join' ? [index] : []))
  if (joins.length === 0) return false
  const then = memberships[phase]
  if (then === 'join') return true
  if (setting === 'shared') return joins.some((join) => join > phase)
  return setting === 'invited' && then === 'invite'
}

async function move(alice: TestSession, who: TestSession, roomId: string, from: string, to: string): Promise<void> {
  if (from === to) return
  if (to === 'invite' || to === 'ban') ok(await moderate(alice, to, roomId, who))
  else if (to === 'join') ok(await join(who, roomId))
  else ok(await leave(who, roomId))
}

/** A message in each phase, and in each phase something that relates to every earlier message in every way. */
async function speak(alice: TestSession, roomId: string, phase: number, sent: Sent[]): Promise<void> {
  const say = async (parent: string | undefined, content: (body: string) => Readonly<Record<string, unknown>>): Promise<void> => {
    const marker = `marker-${phase}-${sent.length}-end`
    sent.push({ id: await send(alice, roomId, content(marker)), phase, marker, parent })
  }
  for (const { id } of sent.filter(({ parent }) => parent === undefined)) {
    await say(id, (body) => relating('m.thread', id, text(body)))
    await say(id, (body) => relating('m.reference', id, text(body)))
    await say(id, (body) => edit(id, body))
  }
  await say(undefined, text)
}

/** Everything that is read of a room, by path. */
async function readings(who: TestSession, roomId: string, sent: readonly Sent[]): Promise<Map<string, string>> {
  const { token } = who
  const room = `/rooms/${enc(roomId)}`
  const read = new Map<string, string>()
  const note = (path: string, body: unknown): void => void read.set(path, JSON.stringify(body))
  for (const dir of ['b', 'f']) note(`messages ${dir}`, (await call('GET', `${room}/messages?dir=${dir}&limit=200`, { token })).body)
  const filters = { related_by_rel_types: ['m.thread', 'm.replace'] }
  note('messages, related', (await call('GET', `${room}/messages?dir=b&limit=200&filter=${enc(JSON.stringify(filters))}`, { token })).body)
  note('threads', (await threads(who, roomId, { limit: '100' })).body)
  for (const { id, parent } of sent) {
    note(`event ${id}`, (await call('GET', `${room}/event/${enc(id)}`, { token })).body)
    if (parent !== undefined) continue
    note(`context ${id}`, (await call('GET', `${room}/context/${enc(id)}?limit=100`, { token })).body)
    note(`relations ${id}`, (await relations(who, roomId, id, '', { limit: '100' })).body)
    note(`relations of relations ${id}`, (await relations(who, roomId, id, '', { limit: '100', recurse: 'true', dir: 'f' })).body)
  }
  const include = enc(JSON.stringify({ room: { include_leave: true, timeline: { limit: 200 } } }))
  note('sync', ok(await call('GET', `/sync?filter=${include}`, { token })).body)
  const body = { room_subscriptions: { [roomId]: { timeline_limit: 100, required_state: [] } } }
  note('sliding', ok(await call('POST', '/_matrix/client/unstable/org.matrix.simplified_msc3575/sync', { token, body })).body)
  return read
}

describe.each(SETTINGS)('R1: in a room whose history is %s', (setting) => {
  it('everybody reads what they may, and nothing else, on every path', { timeout: 120_000 }, async () => {
    const [alice, ...others] = (await people(1 + KINDS.length)) as [TestSession, ...TestSession[]]
    const readers = new Map(KINDS.map((kind, index) => [kind, others[index] as TestSession]))
    const roomId = await createRoom(alice, {
      preset: 'public_chat',
      initial_state: [{ type: 'm.room.history_visibility', state_key: '', content: { history_visibility: setting } }],
    })
    const sent: Sent[] = []
    for (const phase of PHASES) {
      for (const [kind, reader] of readers) await move(alice, reader, roomId, READERS[kind][phase - 1] ?? 'leave', READERS[kind][phase])
      await speak(alice, roomId, phase, sent)
    }
    for (const [kind, reader] of readers) {
      const read = await readings(reader, roomId, sent)
      for (const { marker, phase, id, parent } of sent) {
        const isSeen = maySee(setting, kind, phase)
        if (isSeen) {
          for (const path of ['messages b', 'messages f', `event ${id}`]) expect(read.get(path), `${kind}: ${path}`).toContain(marker)
          const isParentSeen = parent !== undefined && maySee(setting, kind, sent.find((event) => event.id === parent)?.phase ?? 0)
          if (isParentSeen) expect(read.get(`relations ${parent}`), kind).toContain(marker)
        } else {
          for (const [path, told] of read) expect(told, `${kind}: ${path}`).not.toContain(marker)
        }
      }
      const roots: string[] = JSON.parse(read.get('threads') ?? '{}').chunk?.map((event: SeenEvent) => event.event_id) ?? []
      // Every message but the last has a thread: it is seen by whoever sees the message and something in it.
      const isListed = ({ id, phase }: Sent): boolean =>
        maySee(setting, kind, phase) && sent.some((event) => event.parent === id && maySee(setting, kind, event.phase))
      expect(new Set(roots), kind).toEqual(
        new Set(sent.filter((event) => event.parent === undefined && isListed(event)).map(({ id }) => id)),
      )
    }
  })
})
