import type { RoomEvent } from '../../matrix/events/room-event.ts'
import type { RoomVersionRules } from '../../matrix/room-versions/rules.ts'
import { ruleNumbers } from './rule-numbers.ts'
import { onSameServer } from './same-server.ts'
import { ALLOWED, refuse, type Verdict } from './verdict.ts'

/** The rule on `m.federate`: 3, in version 12 4. */
export function checkFederate(event: RoomEvent, create: RoomEvent, rules: RoomVersionRules): Verdict {
  // If the content of the m.room.create event has m.federate set to false, and the sender domain of the event does not match the sender
  // domain of the create event, reject.
  if (create.content['m.federate'] !== false || onSameServer(event.sender, create.sender)) return ALLOWED
  return refuse(
    ruleNumbers(rules).federate,
    'room_not_federated',
    'The room is closed to users of other servers than the one that created it.',
  )
}
