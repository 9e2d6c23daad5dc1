import type { RoomEvent } from '../../../../../src/matrix/events/room-event.ts'
import { checkStateIndependent, type Verdict } from '../../../../../src/state-resolution/auth/check-auth.ts'
import { aRoom, type RoomBranch } from '../../../../support/room-builder.ts'
import { CREATOR, type RuleCase, STRANGER, USER } from './case.ts'

const AUTH_EVENTS = /Considering the event's `auth_events`/

/** A user's message that cites these events. */
function citing(room: RoomBranch, authEvents: readonly RoomEvent[]): RoomEvent {
  return room.draft({ type: 'm.room.message', sender: USER, content: { body: 'x' }, authEvents })
}

/** What the selection algorithm would have the message cite. */
function selected(room: RoomBranch): RoomEvent[] {
  return room.draft({ type: 'm.room.message', sender: USER }).authEvents.map((id) => room.room.get(id))
}

function verdict(room: RoomBranch, event: RoomEvent, rejected: readonly RoomEvent[] = []): Verdict {
  const authEvents = event.authEvents.map((id) => room.room.get(id))
  return checkStateIndependent(event, authEvents, (id) => rejected.some((other) => other.eventId === id), room.rules, room.create)
}

function power(room: RoomBranch): RoomEvent {
  const event = room.find('m.room.power_levels')
  if (event === undefined) throw new Error('no power levels')
  return event
}

export const AUTH_EVENTS_CASES: readonly RuleCase[] = [
  {
    rule: [/is not an event ID for an accepted/],
    reason: 'room_without_accepted_create',
    passes: { 'the create event of the room is known': (room) => verdict(room, citing(room, selected(room))) },
    fails: {
      'the create event is not known': (room) =>
        checkStateIndependent(citing(room, selected(room)), selected(room), () => false, room.rules, undefined),
      'the create event was rejected': (room) => verdict(room, citing(room, selected(room)), [room.create]),
      'the create event is that of another room': (room) => {
        const other = aRoom({ version: room.rules.version, creator: STRANGER })
        return checkStateIndependent(citing(room, selected(room)), selected(room), () => false, room.rules, other.create)
      },
      'what is held for a create event is another event': (room) => {
        const posing = { ...room.create, type: 'm.room.topic' }
        return checkStateIndependent(citing(room, selected(room)), selected(room), () => false, room.rules, posing)
      },
    },
  },
  {
    rule: [AUTH_EVENTS, /duplicate entries/],
    reason: 'auth_event_duplicate',
    passes: { 'the selection': (room) => verdict(room, citing(room, selected(room))) },
    fails: {
      'two power-levels events': (room) => {
        const before = power(room)
        room.powerLevels(CREATOR, { ban: 60 })
        return verdict(room, citing(room, [...selected(room), before]))
      },
      'the same event twice': (room) => verdict(room, citing(room, [...selected(room), power(room)])),
    },
  },
  {
    rule: [AUTH_EVENTS, /don't match those specified/],
    reason: 'auth_event_irrelevant',
    passes: {
      'the selection': (room) => verdict(room, citing(room, selected(room))),
      'less than the selection': (room) => verdict(room, citing(room, selected(room).slice(0, 2))),
    },
    fails: {
      'the join rules, for a message': (room) => {
        const rules = room.find('m.room.join_rules')
        return verdict(room, citing(room, rules ? [...selected(room), rules] : []))
      },
      'somebody else’s membership': (room) => {
        const other = room.find('m.room.member', CREATOR)
        return verdict(room, citing(room, other ? [...selected(room), other] : []))
      },
      'an event that is no state': (room) => verdict(room, citing(room, [...selected(room), room.says(USER)])),
    },
  },
  {
    // MSC4291: from version 12 the room ID stands for the create event.
    rule: [AUTH_EVENTS, /MUST NOT be selected/],
    reason: 'auth_event_irrelevant',
    passes: { 'the selection, which lacks the create event': (room) => verdict(room, citing(room, selected(room))) },
    fails: { 'the create event': (room) => verdict(room, citing(room, [...selected(room), room.create])) },
  },
  {
    rule: [AUTH_EVENTS, /were themselves rejected/],
    reason: 'auth_event_rejected',
    passes: { 'a rejected event that is not cited': (room) => verdict(room, citing(room, selected(room)), [room.says(USER)]) },
    fails: { 'rejected power levels': (room) => verdict(room, citing(room, selected(room)), [power(room)]) },
  },
  {
    // An event that this server lacks cannot be known to be accepted.
    rule: [AUTH_EVENTS, /were themselves rejected/],
    reason: 'auth_event_missing',
    passes: { 'all events at hand': (room) => verdict(room, citing(room, selected(room))) },
    fails: {
      'an event that is not at hand': (room) =>
        checkStateIndependent(citing(room, selected(room)), selected(room).slice(1), () => false, room.rules, room.create),
    },
  },
  {
    rule: [AUTH_EVENTS, /no `m\.room\.create` event among/],
    reason: 'auth_event_create_missing',
    passes: { 'the selection': (room) => verdict(room, citing(room, selected(room))) },
    fails: {
      'everything but the create event': (room) =>
        verdict(
          room,
          citing(
            room,
            selected(room).filter((event) => event.type !== 'm.room.create'),
          ),
        ),
      nothing: (room) => verdict(room, citing(room, [])),
    },
  },
  {
    // MSC4307
    rule: [AUTH_EVENTS, /`room_id` which does not match/],
    reason: 'auth_event_of_other_room',
    passes: { 'events of the same room': (room) => verdict(room, citing(room, selected(room))) },
    fails: {
      'power levels of another room': (room) => {
        const other = aRoom({ version: room.rules.version, creator: STRANGER })
        const foreign = power(other)
        room.room.events.set(foreign.eventId, foreign)
        return verdict(room, citing(room, [...selected(room).filter((cited) => cited.type !== 'm.room.power_levels'), foreign]))
      },
    },
  },
]
