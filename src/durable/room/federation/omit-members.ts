import type { StoredEvent } from '../../../storage/room/events.ts'
import type { RoomCore } from '../room-core.ts'
import { heroes, needsHeroes } from '../sync/summary.ts'
import { MAX_NAMED_SERVERS, OMIT_MEMBERS_ABOVE } from './limits.ts'
import { authChainOf, type StateIds } from './state-reads.ts'

/** The state before a join without its members, and who has some of them. */
export interface OmittedState {
  readonly ids: StateIds
  readonly servers: readonly string[]
}

/**
 * The state before a join as whoever joins can begin with it (MSC3706): without members, except for those who name a room that has no name, with
 * what the rest of it and the join itself rest on. `undefined` for rooms with so few members that nothing is won.
 */
export function stateWithoutMembers(core: RoomCore, group: number, join: StoredEvent): OmittedState | undefined {
  if (core.members.count('join') <= OMIT_MEMBERS_ABOVE) return undefined
  const kids = core.keys.otherThanMembers()
  if (needsHeroes(core)) {
    for (const userId of heroes(core, join.stateKey ?? ''))
      kids.push(...[core.keys.find('m.room.member', userId)].filter((kid) => kid !== undefined))
  }
  const state = core.events.getMany(kids.flatMap((kid) => core.groups.lookup(group, kid) ?? []))
  const ids = new Set(state.map(({ eventId }) => eventId))
  const chain = authChainOf(core, [...state, join]).filter((eventId) => !ids.has(eventId))
  const servers = [core.config.serverName, ...core.members.joinedServers('', MAX_NAMED_SERVERS)]
  return { ids: { state: [...ids], authChain: chain }, servers: [...new Set(servers)] }
}
