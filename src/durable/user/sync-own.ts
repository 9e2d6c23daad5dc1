import { type EventFilter, matchesEventFilter } from '../../matrix/filters.ts'
import { isJsonObject } from '../../matrix/json.ts'
import {
  type AccountDataRow,
  accountDataOfRoom,
  DELETED,
  latestAccountDataStreamId,
  readAccountData,
  readRoomIdsWithAccountData,
} from '../../storage/user/account-data.ts'
import { accountDataChanges } from './account-data.ts'
import { InvitePermissionsCache } from './invite-permissions.ts'
import { ListFacts } from './list-facts.ts'
import type { ResolvedFilter } from './sync-filter.ts'
import type { UserCore } from './user-core.ts'

/** Pieces of account data read at once. */
const PAGE_PIECES = 50
/** Characters of account data in one response; what is left comes with the next. */
const MAX_RESPONSE_CHARS = 4 * 1024 * 1024
/** Users whose events are left out; further entries of the list have no effect. */
const MAX_IGNORED_USERS = 1_000

/** Facts about the user's own data that every sync asks for, remembered until a change of account data. */
export class OwnDataCache {
  #accountDataId: number | undefined
  #ignoredUsersAreStale = true
  #ignoredUsers: readonly string[] = []
  #roomsWithData: Set<string> | undefined
  /** What decides in which lists rooms are. */
  readonly lists = new ListFacts()
  readonly invitePermissions = new InvitePermissionsCache()

  /** Account data of a room, or of none (`''`), is changing; called inside the transaction, so that nothing is remembered that may be rolled back. */
  invalidate(roomId: string): void {
    if (roomId !== '') this.#roomsWithData?.add(roomId)
    this.#accountDataId = undefined
    this.#ignoredUsersAreStale = true
    this.lists.invalidate()
    this.invitePermissions.invalidate()
  }

  /** Rooms with account data, deleted or not; a few others may be among them. */
  roomsWithData(core: UserCore): ReadonlySet<string> {
    this.#roomsWithData ??= new Set(readRoomIdsWithAccountData(core.store))
    return this.#roomsWithData
  }

  /** Position of the latest change of account data. */
  accountDataId(core: UserCore): number {
    this.#accountDataId ??= latestAccountDataStreamId(core.store)
    return this.#accountDataId
  }

  /** Users whose messages and invites the user does not want (client-server-api#ignoring-users). */
  ignoredUsers(core: UserCore): readonly string[] {
    if (this.#ignoredUsersAreStale) {
      const users = readIgnoredUsers(core)
      // As long as it is the same list, it is the same object: lists of rooms are made anew for another.
      if (users.join() !== this.#ignoredUsers.join()) this.#ignoredUsers = users
      this.#ignoredUsersAreStale = false
    }
    return this.#ignoredUsers
  }
}

function readIgnoredUsers(core: UserCore): readonly string[] {
  const text = readAccountData(core.store, '', 'm.ignored_user_list')
  const content: unknown = text === undefined ? undefined : JSON.parse(text)
  const ignored = isJsonObject(content) ? content.ignored_users : undefined
  // Ignoring oneself would hide one's own messages from one's other devices.
  const users = isJsonObject(ignored) ? Object.keys(ignored).filter((userId) => userId !== core.userId) : []
  return users.slice(0, MAX_IGNORED_USERS)
}

/** Account data that changed since a position. */
export interface AccountDataChanges {
  /** Global events as a JSON array, or absent. */
  readonly global: string | undefined
  /** Events by room, each as JSON. */
  readonly byRoom: ReadonlyMap<string, readonly string[]>
  /** Where the client is afterwards. */
  readonly upTo: number
}

/** What a client must hear of account data, in bounded portions: everything for one that starts from nothing (`position` absent). */
export function accountDataSince(core: UserCore, position: number | undefined, { filter }: ResolvedFilter): AccountDataChanges {
  const latest = core.feedKeeper.ownData.accountDataId(core)
  // A position from the future is one of a database that was lost.
  const since = position === undefined || position > latest ? 0 : position
  const global: string[] = []
  const byRoom = new Map<string, string[]>()
  let upTo = since
  let chars = 0
  let isComplete = position !== undefined && since === latest
  while (!isComplete && chars < MAX_RESPONSE_CHARS) {
    const page = accountDataChanges(core, upTo, latest, PAGE_PIECES)
    for (const piece of page) {
      // What is there without ever having been set is told to new clients only.
      if (piece.streamId === 0 && position !== undefined) continue
      upTo = Math.max(upTo, piece.streamId)
      // Who starts from nothing need not hear what is not there.
      if (position === undefined && piece.content === DELETED) continue
      chars += piece.content.length
      if (piece.roomId === '') {
        if (matchesEventFilter(filter.accountData, { type: piece.type })) global.push(eventJson(piece))
      } else if (matchesEventFilter(filter.room.accountData, piece)) {
        byRoom.set(piece.roomId, [...(byRoom.get(piece.roomId) ?? []), eventJson(piece)])
      }
    }
    isComplete = page.length < PAGE_PIECES || upTo >= latest
  }
  return { global: global.length === 0 ? undefined : `[${global.join(',')}]`, byRoom, upTo: isComplete ? latest : upTo }
}

/** All account data of one room, each event as JSON. */
export function accountDataOf(core: UserCore, roomId: string, filter: EventFilter): readonly string[] {
  return accountDataOfRoom(core.store, roomId).flatMap((piece) => (matchesEventFilter(filter, piece) ? [eventJson(piece)] : []))
}

function eventJson(piece: AccountDataRow): string {
  return `{"type":${JSON.stringify(piece.type)},"content":${piece.content}}`
}
