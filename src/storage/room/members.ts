import { type Membership, toMembership } from '../../matrix/membership.ts'
import type { ObjectStore } from '../object-store.ts'
import { MAX_CACHED_MEMBERS } from './limits.ts'

/** A user's current membership. */
export interface Member {
  readonly userId: string
  readonly membership: Membership
  readonly local: boolean
  /** Number of the membership event. */
  readonly nid: number
  /** Position at which it became current. */
  readonly pos: number
}

interface MemberRow extends Record<string, SqlStorageValue> {
  user_id: string
  membership: string
  local: number
  nid: number
  pos: number
}

const decode = (row: MemberRow): Member => ({
  userId: row.user_id,
  membership: toMembership(row.membership),
  local: row.local === 1,
  nid: row.nid,
  pos: row.pos,
})

/** Current memberships of the room; follows current state. */
export class MemberTable {
  readonly #store: ObjectStore
  /** Members that somebody has asked for; `undefined` for users who are none. */
  readonly #known = new Map<string, Member | undefined>()
  readonly #counts = new Map<Membership, number>()
  /** Whether anybody of another server has joined, once somebody has asked. */
  #hasRemote: boolean | undefined

  constructor(store: ObjectStore) {
    this.#store = store
  }

  /** Forgets what a rolled-back transaction may have left in memory. */
  forgetCache(): void {
    this.#known.clear()
    this.#counts.clear()
    this.#hasRemote = undefined
  }

  /** The table was made just now. */
  startEmpty(): void {
    this.#counts.set('join', 0)
    this.#hasRemote = false
  }

  find(userId: string): Member | undefined {
    if (this.#known.has(userId)) return this.#known.get(userId)
    const row = this.#store.first<MemberRow>('SELECT * FROM members WHERE user_id = ?', userId)
    const member = row === undefined ? undefined : decode(row)
    this.#remember(userId, member)
    return member
  }

  #remember(userId: string, member: Member | undefined): void {
    if (this.#known.size >= MAX_CACHED_MEMBERS) this.#known.clear()
    this.#known.set(userId, member)
  }

  /** Counts follow a membership that changes, where it is known what it was. */
  #recount(userId: string, membership: Membership | undefined): void {
    if (!this.#known.has(userId)) {
      this.#counts.clear()
      return
    }
    const before = this.#known.get(userId)?.membership
    if (before !== undefined) this.#count(before, -1)
    if (membership !== undefined) this.#count(membership, 1)
  }

  #count(membership: Membership, change: number): void {
    const known = this.#counts.get(membership)
    if (known !== undefined) this.#counts.set(membership, known + change)
  }

  /** Sets a user's membership. The caller holds the transaction. */
  set(member: Member): void {
    this.#store.run(
      'INSERT OR REPLACE INTO members (user_id, membership, local, nid, pos) VALUES (?, ?, ?, ?, ?)',
      member.userId,
      member.membership,
      member.local ? 1 : 0,
      member.nid,
      member.pos,
    )
    this.#recount(member.userId, member.membership)
    this.#remember(member.userId, member)
    if (!member.local) this.#hasRemote = undefined
  }

  delete(userId: string): void {
    this.#store.run('DELETE FROM members WHERE user_id = ?', userId)
    this.#recount(userId, undefined)
    this.#remember(userId, undefined)
    this.#hasRemote = undefined
  }

  count(membership: Membership): number {
    const known = this.#counts.get(membership)
    if (known !== undefined) return known
    const { n } = this.#store.sql.exec<{ n: number }>('SELECT count(*) AS n FROM members WHERE membership = ?', membership).one()
    this.#counts.set(membership, n)
    return n
  }

  /** The position at which a membership moved last; 0 without members. */
  lastMoved(): number {
    return this.#store.sql.exec<{ pos: number | null }>('SELECT max(pos) AS pos FROM members').one().pos ?? 0
  }

  /** User IDs of this server's joined members. */
  localJoined(): string[] {
    return this.#store
      .all<{ user_id: string }>("SELECT user_id FROM members WHERE membership = 'join' AND local = 1")
      .map((row) => row.user_id)
  }

  /** Members with one of the memberships, in order of user ID, after `afterUserId`. */
  list(memberships: readonly Membership[], afterUserId: string, limit: number): Member[] {
    return this.#store
      .all<MemberRow>(
        'SELECT * FROM members WHERE membership IN (SELECT value FROM json_each(?)) AND user_id > ? ORDER BY user_id LIMIT ?',
        JSON.stringify(memberships),
        afterUserId,
        limit,
      )
      .map(decode)
  }

  /** The members whose events are oldest, for naming a room: joined and invited first. */
  heroes(excludedUserId: string, memberships: readonly Membership[], limit: number): Member[] {
    return this.#store
      .all<MemberRow>(
        'SELECT * FROM members WHERE membership IN (SELECT value FROM json_each(?)) AND user_id <> ? ORDER BY nid LIMIT ?',
        JSON.stringify(memberships),
        excludedUserId,
        limit,
      )
      .map(decode)
  }

  /** Whether anybody of another server has joined. */
  hasRemoteJoined(): boolean {
    this.#hasRemote ??=
      this.#store.first(
        "SELECT 1 AS one FROM members WHERE membership = 'join' AND local = 0 UNION ALL SELECT 1 AS one FROM resident_servers LIMIT 1",
      ) !== undefined
    return this.#hasRemote
  }

  /** Whether a user of another server is invited. */
  isServerInvited(serverName: string): boolean {
    return (
      this.#store.first(
        `SELECT 1 AS one FROM members WHERE membership = 'invite' AND local = 0 AND ${SERVER_OF_USER} = ? LIMIT 1`,
        serverName,
      ) !== undefined
    )
  }

  /** Whether anybody of this server has joined. */
  hasLocalJoined(): boolean {
    return this.#store.first("SELECT 1 AS one FROM members WHERE membership = 'join' AND local = 1 LIMIT 1") !== undefined
  }

  /** Other servers with a joined member, in order of their names, after `afterServer`. */
  joinedServers(afterServer: string, limit: number): string[] {
    return this.#store
      .all<{ server: string }>(
        `SELECT DISTINCT ${SERVER_OF_USER} AS server FROM members WHERE membership = 'join' AND local = 0 AND ${SERVER_OF_USER} > ?1
         UNION SELECT server FROM resident_servers WHERE server > ?1 ORDER BY server LIMIT ?2`,
        afterServer,
        limit,
      )
      .map(({ server }) => server)
  }

  /** Other servers with the most joined members. */
  largestServers(limit: number): string[] {
    return this.#store
      .all<{ server: string }>(
        `SELECT server FROM (SELECT ${SERVER_OF_USER} AS server FROM members WHERE membership = 'join' AND local = 0
           UNION ALL SELECT server FROM resident_servers) GROUP BY server ORDER BY count(*) DESC, server LIMIT ?`,
        limit,
      )
      .map(({ server }) => server)
  }

  /** Whether a user of another server is invited or knocks. */
  isExpectedServer(serverName: string): boolean {
    return (
      this.#store.first(
        `SELECT 1 AS one FROM members WHERE membership IN ('invite', 'knock') AND local = 0 AND ${SERVER_OF_USER} = ? LIMIT 1`,
        serverName,
      ) !== undefined
    )
  }

  /** How many users of another server have joined. One at least where the server is said to be in the room while its members are not known. */
  joinedOfServer(serverName: string): number {
    return this.#store.sql
      .exec<{ n: number }>(
        `SELECT count(*) + EXISTS (SELECT 1 FROM resident_servers WHERE server = ?1) AS n FROM members
         WHERE membership = 'join' AND local = 0 AND ${SERVER_OF_USER} = ?1`,
        serverName,
      )
      .one().n
  }
}

/** The server part of a member's ID, as the index `members_server` has it. */
const SERVER_OF_USER = "substr(user_id, instr(user_id, ':') + 1)"
