import type { RoomEvent } from '../../matrix/events/room-event.ts'
import { serverNameOf } from '../../matrix/ids/server-name.ts'
import type { RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { ruleNumbers } from './rule-numbers.ts'
import { ALLOWED, refuse, type Verdict } from './verdict.ts'

/** Rule 4 of versions 1 to 5: each server lists its own aliases, whoever its sender is. */
export function checkAliases(event: RoomEvent, rules: RoomVersionRules): Verdict {
  // 4.1 If event has no state_key, reject.
  if (event.stateKey === undefined) {
    return refuse(`${ruleNumbers(rules).aliases}.1`, 'aliases_without_state_key', 'A list of aliases must be a state event.')
  }
  // 4.2 If sender's domain doesn't match state_key, reject.
  if (serverNameOf(event.sender) !== event.stateKey) {
    return refuse(`${ruleNumbers(rules).aliases}.2`, 'aliases_of_other_server', `${event.sender} cannot list aliases of ${event.stateKey}.`)
  }
  // 4.3 Otherwise, allow.
  return ALLOWED
}
