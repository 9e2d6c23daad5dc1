import { isValidReplacement, type ReplaceableEvent, relationOf } from '../../../matrix/relations.ts'
import type { StoredEvent } from '../../../storage/room/events.ts'
import { EDITED, REFERENCED, THREADED } from '../../../storage/room/relations.ts'
import type { RoomCore } from '../room-core.ts'
import { clientEvent, type EventReader } from './client-event.ts'
import { summarizeThread, type ThreadReader } from './thread-summary.ts'

/** References listed with an event: the latest. The rest has an endpoint of its own. */
const MAX_BUNDLED_REFERENCES = 200
/** Nothing may relate to these in a way that is aggregated. */
const LEAVES: readonly string[] = ['m.replace', 'm.annotation']

/** Who reads, whom they ignore, and whether events carry their room. */
export interface BundleReader extends ThreadReader {
  readonly reader: EventReader
  readonly withRoomId: boolean
}

/**
 * A reader who is shown, with each of some events, what relates to it (client-server-api#aggregations-of-child-events): only what the reader may read,
 * nothing of ignored users. Where nothing relates to any of the events this costs one look-up for those that nobody asked for lately.
 */
export function bundling(
  core: RoomCore,
  reader: EventReader,
  events: readonly StoredEvent[],
  ignoredUsers: readonly string[],
  withRoomId: boolean,
): EventReader {
  const bundles = bundlesOf(core, { reader, visibility: reader.visibility, ignoredUsers, withRoomId }, events, true)
  return bundles.size === 0 ? reader : { ...reader, bundles }
}

/** `m.relations` as JSON text, by event number. Events of a thread are shown with theirs, but no thread within a thread. */
function bundlesOf(
  core: RoomCore,
  bundleReader: BundleReader,
  events: readonly StoredEvent[],
  withThreads: boolean,
): ReadonlyMap<number, string> {
  const bundles = new Map<number, string>()
  // State events are shown without.
  const parents = events.filter(({ stateKey }) => stateKey === undefined)
  if (parents.length === 0) return bundles
  const kinds = core.events.relations.kindsOf(parents.map(({ eventId }) => eventId))
  for (const event of parents) {
    const kind = kinds.get(event.eventId) ?? 0
    if (kind === 0) continue
    const own = relationTypeOf(core, event)
    if (own !== undefined && LEAVES.includes(own)) continue
    const parts: string[] = []
    const edit = (kind & EDITED) === 0 ? undefined : latestEdit(core, bundleReader, event)
    if (edit !== undefined) parts.push(`"m.replace":${clientEvent(core, edit, bundleReader.reader, bundleReader.withRoomId)}`)
    const references = (kind & REFERENCED) === 0 ? [] : referencesTo(core, bundleReader, event.eventId)
    if (references.length > 0) parts.push(`"m.reference":{"chunk":${JSON.stringify(references)}}`)
    const thread = withThreads && (kind & THREADED) !== 0 ? threadPart(core, bundleReader, event) : undefined
    if (thread !== undefined) parts.push(thread)
    if (parts.length > 0) bundles.set(event.nid, `{${parts.join(',')}}`)
  }
  return bundles
}

/** The type of the relation that an event states, parsed only where the text could hold one. */
function relationTypeOf(core: RoomCore, event: StoredEvent): string | undefined {
  if (!event.content.includes('"m.relates_to"')) return undefined
  return relationOf(core.roomEvent(event, core.roomId).content)?.relType
}

/** The most recent valid replacement. What has been redacted is not replaced. */
function latestEdit(core: RoomCore, { visibility, ignoredUsers }: BundleReader, event: StoredEvent): StoredEvent | undefined {
  if (event.redactedBy !== undefined || ignoredUsers.includes(event.sender)) return undefined
  for (const nid of core.events.relations.edits(event.eventId, event.sender)) {
    const edit = core.events.get(nid)
    if (visibility.mayRead(edit) && isValidReplacement(replaceable(core, event), replaceable(core, edit))) return edit
  }
  return undefined
}

function replaceable(core: RoomCore, event: StoredEvent): ReplaceableEvent {
  return { ...event, roomId: core.roomId, content: core.roomEvent(event, core.roomId).content }
}

/** Events that reference another, oldest first. */
function referencesTo(core: RoomCore, { visibility, ignoredUsers }: BundleReader, eventId: string): { readonly event_id: string }[] {
  const nids = core.events.relations.relatedBy(eventId, ['m.reference'], undefined, MAX_BUNDLED_REFERENCES)
  const seen = core.events.getMany(nids).filter((event) => !ignoredUsers.includes(event.sender) && visibility.mayRead(event))
  return seen.reverse().map((event) => ({ event_id: event.eventId }))
}

function threadPart(core: RoomCore, bundleReader: BundleReader, root: StoredEvent): string | undefined {
  const thread = summarizeThread(core, bundleReader, root)
  if (thread === undefined) return undefined
  const { reader, withRoomId } = bundleReader
  const latestReader = { ...reader, bundles: bundlesOf(core, bundleReader, [thread.latest], false) }
  const latest = clientEvent(core, thread.latest, latestReader, withRoomId)
  return `"m.thread":{"latest_event":${latest},"count":${thread.count},"current_user_participated":${thread.participated}}`
}
