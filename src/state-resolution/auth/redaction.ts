import type { RoomEvent } from '../../matrix/events/room-event.ts'
import type { PowerLevels } from '../../matrix/power-levels.ts'
import type { RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { type AuthState, powerLevelsOf } from './auth-state.ts'
import { ruleNumbers } from './rule-numbers.ts'
import { onSameServer } from './same-server.ts'
import { ALLOWED, refuse, type Verdict } from './verdict.ts'

/** Rule 11 of versions 1 and 2: who may redact. Later versions ask when the redaction is applied: {@link mayApplyRedaction}. */
export function checkRedaction(event: RoomEvent, power: PowerLevels, rules: RoomVersionRules): Verdict {
  // 11.1 If the sender's power level is greater than or equal to the redact level, allow.
  const needed = power.redact
  const level = power.userLevel(event.sender)
  if (level >= needed) return ALLOWED
  // 11.2 If the domain of the event_id of the event being redacted is the same as the domain of the event_id of the redaction, allow.
  if (event.redacts !== undefined && onSameServer(event.redacts, event.eventId)) return ALLOWED
  // 11.3 Otherwise, reject.
  return refuse(
    `${ruleNumbers(rules).redaction}.3`,
    'redaction_level_too_low',
    `${event.sender} may not redact events of other servers: that needs level ${needed}, and theirs is ${level}.`,
  )
}

/**
 * Whether an accepted redaction takes effect on its target (rooms/v3#handling-redactions; in versions 1 and 2 the authorization rule has
 * decided already). A redaction of an event of another room, or of a create event, never does.
 * @param state the state before the redaction.
 */
export function mayApplyRedaction(redaction: RoomEvent, target: RoomEvent, state: AuthState, rules: RoomVersionRules): boolean {
  if (redaction.redacts !== target.eventId || redaction.roomId !== target.roomId || target.type === 'm.room.create') return false
  if (rules.redactionAuthRule) return true
  const power = powerLevelsOf(state, rules)
  return power.userLevel(redaction.sender) >= power.redact || onSameServer(redaction.sender, target.sender)
}
