import { invalidParam } from '../../matrix/errors.ts'
import { type DirectoryPlace, type DirectoryQuery, readDirectory } from '../../storage/d1/public-rooms.ts'
import type { RequestContext } from '../context.ts'
import { DEFAULT_DIRECTORY_PAGE, MAX_DIRECTORY_PAGE, MAX_SEARCH_TERM_CHARS } from './limits.ts'

/** What somebody wants to see of a directory. */
export interface DirectoryRequest {
  readonly limit: number | undefined
  readonly since: string | undefined
  readonly searchTerm: string | undefined
  /** Types of rooms, `null` for those without one; `undefined` for all. */
  readonly roomTypes: readonly (string | null)[] | undefined
}

/** A page of this server's public directory as JSON text (client-server-api#get_matrixclientv3publicrooms). @throws MatrixError M_INVALID_PARAM. */
export async function publicRooms(ctx: RequestContext, request: DirectoryRequest): Promise<string> {
  const limit = Math.min(request.limit ?? DEFAULT_DIRECTORY_PAGE, MAX_DIRECTORY_PAGE)
  const from = request.since === undefined || request.since === '' ? undefined : parseToken(request.since)
  const searchTerm = (request.searchTerm ?? '').slice(0, MAX_SEARCH_TERM_CHARS).toLowerCase()
  const backwards = from?.backwards === true
  // One more than asked for tells whether there is another page.
  const { entries, total } = await readDirectory(ctx.registry, { searchTerm, roomTypes: request.roomTypes, from, limit: limit + 1 })
  const hasMore = entries.length > limit
  const page = backwards ? entries.slice(-limit) : entries.slice(0, limit)
  const first = page[0]?.place ?? from?.place
  const last = page.at(-1)?.place ?? from?.place
  const next = last !== undefined && (backwards || hasMore) ? tokenOf('n', last) : undefined
  const prev = first !== undefined && (backwards ? hasMore : from !== undefined) ? tokenOf('p', first) : undefined
  const tokens = [...(next === undefined ? [] : [`"next_batch":"${next}",`]), ...(prev === undefined ? [] : [`"prev_batch":"${prev}",`])]
  return `{${tokens.join('')}"total_room_count_estimate":${total},"chunk":[${page.map(({ entry }) => entry).join(',')}]}`
}

/** A token: which way, the size and the ID of the room at the edge. */
function tokenOf(direction: 'n' | 'p', { joinedMembers, roomId }: DirectoryPlace): string {
  return `${direction}${joinedMembers}.${encodeURIComponent(roomId)}`
}

function parseToken(token: string): NonNullable<DirectoryQuery['from']> {
  const parts = /^([np])(\d{1,15})\.([\w!.*'()%~-]{1,800})$/.exec(token)
  if (parts === null) throw invalidParam('since is not a token of this directory')
  const [, direction, joinedMembers = '0', roomId = ''] = parts
  try {
    return {
      place: { joinedMembers: Number(joinedMembers), roomId: decodeURIComponent(roomId) },
      backwards: direction === 'p',
    }
  } catch {
    throw invalidParam('since is not a token of this directory')
  }
}
