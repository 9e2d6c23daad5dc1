import { forbidden, invalidParam } from '../../matrix/errors.ts'
import { isJsonObject, type JsonObject } from '../../matrix/json.ts'
import type { RequestContext } from '../context.ts'
import { type FoundRoom, findRoom, mayKnow } from './find-room.ts'
import { MAX_HIERARCHY_DEPTH, MAX_HIERARCHY_PAGE, MAX_HIERARCHY_ROOMS } from './limits.ts'
import { type AskingBudget, askingBudget, nothingToAsk } from './remote-summary.ts'

/** What a client asks of a space (client-server-api#get_matrixclientv1roomsroomidhierarchy). */
export interface HierarchyRequest {
  readonly suggestedOnly: boolean
  readonly maxDepth: number | undefined
  readonly limit: number | undefined
  readonly from: string | undefined
}

/** A room that is still to be shown. */
interface Step {
  readonly roomId: string
  readonly depth: number
  readonly via: readonly string[]
  /** What a server above said of it. */
  readonly described: JsonObject | undefined
}

/**
 * A page of the rooms below a space, depth first. Every page begins the walk anew and leaves out what earlier pages had: nothing is stored.
 * @throws MatrixError M_FORBIDDEN where the caller may not know of the space; M_INVALID_PARAM for a token of another request.
 */
export async function hierarchy(ctx: RequestContext, rootId: string, request: HierarchyRequest): Promise<JsonObject> {
  const maxDepth = Math.min(request.maxDepth ?? MAX_HIERARCHY_DEPTH, MAX_HIERARCHY_DEPTH)
  const limit = Math.min(Math.max(request.limit ?? MAX_HIERARCHY_PAGE, 1), MAX_HIERARCHY_PAGE)
  const kind = `${request.suggestedOnly ? 's' : 'a'}${maxDepth}`
  const skip = request.from === undefined ? 0 : placeOf(request.from, kind)
  const rooms: JsonObject[] = []
  const seen = new Set<string>()
  const budget = askingBudget()
  const ahead: Step[] = [{ roomId: rootId, depth: 0, via: [], described: undefined }]
  let shown = 0
  for (let step = ahead.pop(); step !== undefined; step = ahead.pop()) {
    if (seen.has(step.roomId) || seen.size >= MAX_HIERARCHY_ROOMS) continue
    if (rooms.length >= limit) return { rooms, next_batch: `${kind}.${shown}` }
    seen.add(step.roomId)
    const room = await look(ctx, step, budget)
    if (room === undefined) {
      if (step.depth === 0) throw forbidden('You are not in this room')
      continue
    }
    const children = request.suggestedOnly ? room.children.filter(isSuggested) : room.children
    shown += 1
    if (shown > skip) rooms.push({ ...room.summary, children_state: children })
    if (step.depth < maxDepth) ahead.push(...children.map((child) => stepTo(child, step.depth + 1, room)).reverse())
  }
  return { rooms }
}

/** How many rooms earlier pages have shown. */
function placeOf(token: string, kind: string): number {
  const parts = /^([as]\d{1,3})\.(\d{1,6})$/.exec(token)
  if (parts === null || parts[1] !== kind) throw invalidParam('from is not a token of this request')
  return Number(parts[2])
}

/** What is known of a room without a question of its own suffices for rooms that have no children. */
async function look(ctx: RequestContext, { roomId, via, described }: Step, budget: AskingBudget): Promise<FoundRoom | undefined> {
  if (described === undefined || described.room_type === 'm.space') return findRoom(ctx, roomId, via, budget)
  const found = await findRoom(ctx, roomId, [], nothingToAsk())
  if (found !== undefined) return found
  if (!(await mayKnow(ctx, described))) return undefined
  return { summary: described, children: [], membership: undefined, remote: undefined }
}

function isSuggested({ content }: JsonObject): boolean {
  return isJsonObject(content) && content.suggested === true
}

function stepTo({ state_key: stateKey, content }: JsonObject, depth: number, { remote }: FoundRoom): Step {
  const roomId = typeof stateKey === 'string' ? stateKey : ''
  const via =
    isJsonObject(content) && Array.isArray(content.via) ? content.via.filter((name): name is string => typeof name === 'string') : []
  return { roomId, depth, via, described: remote?.described.get(roomId) }
}
