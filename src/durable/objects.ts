import type { Env } from '../runtime/bindings.ts'
import { countCost } from '../runtime/metrics.ts'
import type { RemoteServer } from './remote-server/remote-server.ts'
import type { RepairObject } from './repair/repair-object.ts'
import type { Room } from './room/room.ts'
import type { User } from './user/user.ts'
import type { UserSession } from './user/user-session.ts'

/** Methods of an object as a caller elsewhere sees them: each answers a promise. Lifecycle methods are not for calling. */
export type Remote<T> = {
  readonly [Name in Exclude<keyof T, Lifecycle> as T[Name] extends (...args: never[]) => unknown ? Name : never]: T[Name] extends (
    ...args: infer Arguments
  ) => infer Result
    ? (...args: Arguments) => RemoteResult<Awaited<Result>>
    : never
}
type Lifecycle = 'fetch' | 'alarm' | 'webSocketMessage' | 'webSocketClose' | 'webSocketError' | typeof Symbol.dispose
/** A capability comes back as a stub that can be called before it has arrived (pipelining); everything else as a promise of data. */
type RemoteResult<Result> = Result extends UserSession ? OpeningSession : Promise<Result>

/** A capability on one account, reached in the same round trip as the method that is called on it. Dispose it after use. */
export type SessionStub = Remote<UserSession> & Disposable
/** A session on its way: usable at once. Waiting for it costs nothing more, but what arrives must be disposed of as well. */
export type OpeningSession = SessionStub & PromiseLike<Disposable>
/** One account's object. */
export type UserStub = Remote<User> & Pick<DurableObjectStub, 'fetch'>
/** One room's object. */
export type RoomStub = Remote<Room> & Pick<DurableObjectStub, 'fetch'>
/** What is kept for one other homeserver. */
export type RemoteServerStub = Remote<RemoteServer>
/** What completes one room's graph. */
export type RepairStub = Remote<RepairObject>

/**
 * Objects by name, counted. Ask for the stub at each call: every access counts as one round trip. Name an object only after its existence is
 * established (by a token's MAC, by the registry, by another object), because naming one creates it.
 */
export interface Objects {
  user(userId: string): UserStub
  room(roomId: string): RoomStub
  /** By server name, of servers that have signed something or have members in rooms here. */
  remoteServer(serverName: string): RemoteServerStub
  /** By room ID, of rooms that are here. */
  repair(roomId: string): RepairStub
}

/** The objects that an invocation reaches; what they cost is counted for `requestId`. */
export function objectsOf(env: Env, requestId: string | undefined): Objects {
  return {
    user: (userId) => {
      countCost('rpc', requestId)
      const stub: DurableObjectStub = env.USER.get(env.USER.idFromName(userId))
      return stub as DurableObjectStub & UserStub
    },
    room: (roomId) => {
      countCost('rpc', requestId)
      const stub: DurableObjectStub = env.ROOM.get(env.ROOM.idFromName(roomId))
      return stub as DurableObjectStub & RoomStub
    },
    remoteServer: (serverName) => {
      countCost('rpc', requestId)
      const stub: DurableObjectStub = env.REMOTE_SERVER.get(env.REMOTE_SERVER.idFromName(serverName))
      return stub as DurableObjectStub & RemoteServerStub
    },
    repair: (roomId) => {
      countCost('rpc', requestId)
      const stub: DurableObjectStub = env.REPAIR.get(env.REPAIR.idFromName(roomId))
      return stub as DurableObjectStub & RepairStub
    },
  }
}
