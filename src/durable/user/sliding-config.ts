import { parseUserId } from '../../matrix/ids/user-id.ts'
import type { RequiredState, RoomConfig, StatePattern } from '../sliding-protocol.ts'

const MEMBER = 'm.room.member'
/** Events that are sent of a room at most. */
export const MAX_TIMELINE_LIMIT = 100

/** The superset of several configurations (MSC4186, "Combining room configs"). */
export function combineConfigs(configs: readonly RoomConfig[]): RoomConfig {
  const wanted = new Map<string, RequiredState>()
  for (const { requiredState } of configs) for (const state of requiredState) wanted.set(JSON.stringify(state), state)
  return {
    timelineLimit: Math.min(MAX_TIMELINE_LIMIT, Math.max(0, ...configs.map(({ timelineLimit }) => timelineLimit))),
    requiredState: [...wanted].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, state]) => state),
  }
}

/** Whether everything that `wanted` asks for was asked for by `before`. May say no where it was. */
export function isCovered(wanted: readonly RequiredState[], before: readonly RequiredState[]): boolean {
  return wanted.every((state) => {
    const text = JSON.stringify(state)
    return before.some((other) => JSON.stringify(other) === text || covers(other, state))
  })
}

/**
 * Whether members of other servers are asked for that need not have to do with the timeline: rooms that were joined without their members cannot answer that
 * yet.
 */
export function needsMembers(wanted: readonly RequiredState[], serverName: string): boolean {
  const isMember = ({ type }: StatePattern): boolean => type === undefined || type === MEMBER
  return wanted.some(({ include, exclude, lazyMembers }) => {
    if (exclude.some((pattern) => isMember(pattern) && pattern.stateKey === undefined)) return false
    return include.filter(isMember).some(({ type, stateKey }) => {
      if (stateKey === undefined) return type === MEMBER || !lazyMembers
      const theirs = parseUserId(stateKey)?.serverName
      return theirs !== undefined && theirs !== serverName
    })
  })
}

function covers(other: RequiredState, state: RequiredState): boolean {
  if (other.exclude.length > 0 || (state.lazyMembers && !other.lazyMembers)) return false
  return state.include.every((pattern) => other.include.some((candidate) => includes(candidate, pattern, other.lazyMembers)))
}

/** Whether a pattern matches everything that another does. With lazy loading a pattern without a type does not match members. */
function includes(pattern: StatePattern, other: StatePattern, lazyMembers: boolean): boolean {
  const mayBeMember = other.type === undefined || other.type === MEMBER
  if (lazyMembers && mayBeMember && pattern.type === undefined) return false
  const sameType = pattern.type === undefined || pattern.type === other.type
  return sameType && (pattern.stateKey === undefined || pattern.stateKey === other.stateKey)
}
