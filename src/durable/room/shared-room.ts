import type { Caller } from '../protocol.ts'
import { ReadableRoom } from './read/readable-room.ts'
import { type Acquaintances, acquaintances, localsWith, type Sharers, serverPresence, sharers, stillJoined } from './sharing.ts'

/** What a room says of who shares it with whom, to whoever keeps lists of devices. A thin shell like {@link Room}, which extends it. */
export abstract class SharedRoom extends ReadableRoom {
  /** Local users and other servers that are to hear of the caller's devices. */
  sharers(caller: Caller): Sharers {
    return sharers(this.core, caller)
  }

  /** Whether a server has members here, for a member. */
  serverPresence(caller: Caller, serverName: string): 'joined' | 'expected' | 'none' {
    return serverPresence(this.core, caller, serverName)
  }

  /** Which of some users are here with the caller, and since when. */
  acquaintances(caller: Caller, userIds: readonly string[]): Acquaintances | undefined {
    return acquaintances(this.core, caller, userIds)
  }

  /** Which of some users have been here without a break since the positions named. */
  stillJoined(generation: string, since: readonly (readonly [userId: string, pos: number])[]): string[] {
    return stillJoined(this.core, generation, since)
  }

  /** Local users who share the room with a user of another server. */
  localsWith(userId: string): string[] {
    return localsWith(this.core, userId)
  }
}
