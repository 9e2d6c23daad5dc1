import { env } from 'cloudflare:workers'
import type { RoomStub } from '../../src/durable/objects.ts'
import type { Caller } from '../../src/durable/protocol.ts'
import type { WindowRequest } from '../../src/durable/sync-protocol.ts'
import { createEvent } from '../../src/matrix/events/create-event.ts'
import type { JsonObject } from '../../src/matrix/json.ts'
import { findRoomVersionRules } from '../../src/matrix/room-versions/rules.ts'
import { createSigner } from '../../src/matrix/signing.ts'
import { configOf } from '../../src/runtime/config.ts'
import { unwrap } from '../../src/runtime/outcome.ts'

/** A room object driven directly, for promises that no endpoint shows. Users are of another server: they need no `User` object. */
export interface LocalRoom {
  readonly roomId: string
  readonly stub: ReturnType<typeof roomStub>
  send(sender: string, content: JsonObject, txnId?: string): Promise<string>
  setState(sender: string, type: string, stateKey: string, content: JsonObject): Promise<string>
  window(reader: string, request: Partial<WindowRequest> & { readonly to: number }): Promise<WindowJson>
}

/** A window with its fragments parsed. */
export interface WindowJson {
  readonly empty: boolean
  readonly timeline: { readonly events: readonly EventJson[]; readonly limited: boolean; readonly prev_batch: string }
  readonly state: { readonly events: readonly EventJson[] }
}

/** An event as clients see it. */
export interface EventJson {
  readonly event_id: string
  readonly type: string
  readonly state_key?: string
  readonly sender: string
  readonly content: JsonObject
}

/** A room's object, its methods typed as elsewhere: the platform's own type for stubs is too deep for the compiler. */
export function roomStub(roomId: string): DurableObjectStub & RoomStub {
  const stub: DurableObjectStub = env.ROOM.get(env.ROOM.idFromName(roomId))
  return stub as DurableObjectStub & RoomStub
}

export function caller(userId: string, deviceId = 'DEVICE'): Caller {
  return { userId, deviceId, requestId: 'test' }
}

let counter = 0

/** Creates a room of the given version whose creator has joined. */
export async function createLocalRoom(
  creator: string,
  version = '12',
  initial: readonly { type: string; content: JsonObject }[] = [],
): Promise<LocalRoom> {
  counter += 1
  const rules = findRoomVersionRules(version)
  if (rules === undefined) throw new Error(version)
  const config = configOf(env)
  const signer = createSigner(config.serverName, config.signingKey.keyId, config.signingKey.seed)
  const created = createEvent(
    {
      roomId: rules.roomIdIsCreateHash ? undefined : `!room${counter}:${creator.slice(creator.indexOf(':') + 1)}`,
      eventId: `$create${counter}:${creator.slice(creator.indexOf(':') + 1)}`,
      type: 'm.room.create',
      stateKey: '',
      sender: creator,
      content: { room_version: version, n: counter, ...(rules.implicitCreator ? {} : { creator }) },
      originServerTs: 1000 + counter,
      depth: 1,
      prevEvents: [],
      authEvents: [],
    },
    rules,
    signer,
  )
  const stub = roomStub(created.roomId)
  unwrap(
    await stub.create(caller(creator), {
      roomId: created.roomId,
      version,
      generation: `g${counter}`,
      createPdu: created.pdu,
      creator,
      initialEvents: [
        { type: 'm.room.member', stateKey: creator, sender: creator, content: { membership: 'join' } },
        {
          type: 'm.room.power_levels',
          stateKey: '',
          sender: creator,
          content: { users: rules.privilegedCreators ? {} : { [creator]: 100 } },
        },
        { type: 'm.room.join_rules', stateKey: '', sender: creator, content: { join_rule: 'public' } },
        ...initial.map((event) => ({ ...event, stateKey: '', sender: creator })),
      ],
      originServerTs: 1000 + counter,
    }),
  )
  const send = async (sender: string, type: string, stateKey: string | undefined, content: JsonObject, txnId?: string): Promise<string> => {
    const txn = txnId === undefined ? undefined : { endpoint: 'send', id: txnId }
    return unwrap(await stub.send(caller(sender), { type, stateKey, content, txn, redacts: undefined })).eventId
  }
  return {
    roomId: created.roomId,
    stub,
    send: (sender, content, txnId) => send(sender, 'm.room.message', undefined, content, txnId),
    setState: (sender, type, stateKey, content) => send(sender, type, stateKey, content),
    window: async (reader, request) => {
      const window = unwrap(
        await stub.window(caller(reader), {
          from: null,
          section: 'join',
          fullState: false,
          useStateAfter: false,
          withMemberChanges: false,
          filter: undefined,
          ignoredUsers: [],
          ...request,
        }),
      )
      return { empty: window.empty, timeline: JSON.parse(window.timeline), state: JSON.parse(window.state) }
    },
  }
}
