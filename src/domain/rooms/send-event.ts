import { invalidParam } from '../../matrix/errors.ts'
import type { JsonObject } from '../../matrix/json.ts'
import { unwrap } from '../../runtime/outcome.ts'
import type { RequestContext } from '../context.ts'
import { CANONICAL_ALIAS } from '../directory/aliases.ts'
import { requireGoodAliases } from '../directory/canonical-alias.ts'
import { listedRoom } from './access.ts'
import { setMembership } from './set-membership.ts'

/** Longest transaction ID. */
const MAX_TXN_ID_CHARS = 255

/** Sends a message event; the transaction ID makes it idempotent for the device (client-server-api#put_matrixclientv3roomsroomidsendeventtypetxnid). */
export function sendMessage(ctx: RequestContext, roomId: string, type: string, txnId: string, content: JsonObject): Promise<string> {
  return send(ctx, roomId, { type, stateKey: undefined, content, txn: { endpoint: `send/${type}`, id: checkedTxnId(txnId) } })
}

/** Redacts an event (client-server-api#put_matrixclientv3roomsroomidredacteventidtxnid). */
export function redactEvent(ctx: RequestContext, roomId: string, eventId: string, txnId: string, content: JsonObject): Promise<string> {
  const txn = { endpoint: `redact/${eventId}`, id: checkedTxnId(txnId) }
  return send(ctx, roomId, { type: 'm.room.redaction', stateKey: undefined, content, txn, redacts: eventId })
}

/** Sets state (client-server-api#put_matrixclientv3roomsroomidstateeventtypestatekey). Memberships take the way of all memberships. */
export function setState(ctx: RequestContext, roomId: string, type: string, stateKey: string, content: JsonObject): Promise<string> {
  if (type === 'm.room.member') return setMembership(ctx, roomId, stateKey, content)
  return send(ctx, roomId, { type, stateKey, content, txn: undefined })
}

interface EventToSend {
  readonly type: string
  readonly stateKey: string | undefined
  readonly content: JsonObject
  readonly txn: { readonly endpoint: string; readonly id: string } | undefined
  readonly redacts?: string
}

async function send(ctx: RequestContext, roomId: string, event: EventToSend): Promise<string> {
  if (event.type === 'm.room.create') throw invalidParam('A room is created once')
  const { caller } = await listedRoom(ctx, roomId)
  if (event.type === CANONICAL_ALIAS && event.stateKey === '') await requireGoodAliases(ctx, caller, roomId, event.content)
  const redacts = event.redacts ?? redactsOf(event)
  return unwrap(await ctx.objects.room(roomId).send(caller, { ...event, redacts })).eventId
}

/** A redaction that is sent like any other event names its target in its content, where room versions from 11 on keep it. @throws MatrixError M_INVALID_PARAM. */
export function redactsOf({ type, content }: Pick<EventToSend, 'type' | 'content'>): string | undefined {
  if (type !== 'm.room.redaction') return undefined
  if (typeof content.redacts !== 'string') throw invalidParam('A redaction must say what it redacts')
  return content.redacts
}

/** A transaction ID that is not too long. @throws MatrixError M_INVALID_PARAM. */
export function checkedTxnId(txnId: string): string {
  if (txnId.length > MAX_TXN_ID_CHARS) throw invalidParam(`A transaction ID has at most ${MAX_TXN_ID_CHARS} characters`)
  return txnId
}
