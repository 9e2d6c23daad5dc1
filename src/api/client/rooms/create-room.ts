import * as z from 'zod'
import { createRoom, MAX_INITIAL_INVITES, MAX_INITIAL_STATE_EVENTS } from '../../../domain/rooms/create-room.ts'
import { clientPaths } from '../../../http/path.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { invalidParam } from '../../../matrix/errors.ts'
import { endpoint } from '../../endpoint.ts'

const body = z.object({
  preset: z.enum(['private_chat', 'public_chat', 'trusted_private_chat']).optional(),
  visibility: z.enum(['public', 'private']).default('private'),
  room_version: z.string().optional(),
  room_alias_name: z.string().optional(),
  name: z.string().optional(),
  topic: z.string().optional(),
  invite: z.array(z.string()).max(MAX_INITIAL_INVITES).default([]),
  invite_3pid: z.array(jsonObject).default([]),
  is_direct: z.boolean().default(false),
  initial_state: z
    .array(z.object({ type: z.string(), state_key: z.string().default(''), content: jsonObject }))
    .max(MAX_INITIAL_STATE_EVENTS)
    .default([]),
  creation_content: jsonObject.optional(),
  power_level_content_override: jsonObject.optional(),
})

/** `POST /createRoom` (client-server-api#post_matrixclientv3createroom). */
export const createRoomEndpoint = endpoint(
  { method: 'POST', path: clientPaths('createRoom'), auth: 'user', rateLimit: 'create-room', body, emptyBody: true, numbers: 'integers' },
  async ({ body: wanted, ctx }) => {
    // Refused rather than ignored: a client that asks for one relies on it.
    if (wanted.invite_3pid.length > 0) throw invalidParam('This server does not invite by e-mail or telephone')
    const roomId = await createRoom(ctx, {
      preset: wanted.preset,
      visibility: wanted.visibility,
      roomVersion: wanted.room_version,
      aliasName: wanted.room_alias_name,
      name: wanted.name,
      topic: wanted.topic,
      invite: wanted.invite,
      isDirect: wanted.is_direct,
      initialState: wanted.initial_state.map(({ type, state_key: stateKey, content }) => ({ type, stateKey, content })),
      creationContent: wanted.creation_content ?? {},
      powerLevelOverride: wanted.power_level_content_override,
    })
    return { room_id: roomId }
  },
)
