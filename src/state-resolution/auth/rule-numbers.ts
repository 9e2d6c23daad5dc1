import type { RoomVersionRules } from '../../matrix/room-versions/rules.ts'

/**
 * Numbers of the authorization rules as the specification of one room version prints them. A rule that the version lacks has an empty
 * number and takes no place in the count, which is how the lists of rooms/v1 to rooms/v12 differ.
 */
export interface RuleNumbers {
  readonly create: string
  readonly roomId: string
  readonly authEvents: string
  readonly federate: string
  readonly aliases: string
  readonly member: string
  readonly senderJoined: string
  readonly thirdPartyInvite: string
  readonly requiredLevel: string
  readonly userStateKey: string
  readonly powerLevels: string
  readonly redaction: string
}

/** Numbers of the top-level rules of a room version. Only called for a refusal: verdicts that allow carry no number. */
export function ruleNumbers(rules: RoomVersionRules): RuleNumbers {
  const next = counter('')
  return {
    create: next(),
    roomId: next(rules.roomIdIsCreateHash),
    authEvents: next(),
    federate: next(),
    aliases: next(rules.specialCaseAliases),
    member: next(),
    senderJoined: next(),
    thirdPartyInvite: next(),
    requiredLevel: next(),
    userStateKey: next(),
    powerLevels: next(),
    redaction: next(rules.redactionAuthRule),
  }
}

/** Numbers below the rule on `m.room.create`. */
export function createRuleNumbers(rules: RoomVersionRules) {
  const next = counter(ruleNumbers(rules).create)
  return {
    prevEvents: next(),
    roomId: next(),
    roomVersion: next(),
    creator: next(!rules.implicitCreator),
    additionalCreators: next(rules.privilegedCreators),
  }
}

/** Numbers below the rule on the event's `auth_events`. */
export function authEventsRuleNumbers(rules: RoomVersionRules) {
  const next = counter(ruleNumbers(rules).authEvents)
  return {
    duplicate: next(),
    irrelevant: next(),
    rejected: next(),
    createMissing: next(!rules.roomIdIsCreateHash),
    otherRoom: next(),
  }
}

/** Numbers below the rule on `m.room.member`: one per membership. */
export function memberRuleNumbers(rules: RoomVersionRules) {
  const next = counter(ruleNumbers(rules).member)
  return {
    shape: next(),
    joinAuthoriser: next(rules.restrictedJoins),
    join: next(),
    invite: next(),
    leave: next(),
    ban: next(),
    knock: next(rules.knocking),
    unknown: next(),
  }
}

/** Numbers below the rule on `membership: join`. */
export function joinRuleNumbers(rules: RoomVersionRules) {
  const next = counter(memberRuleNumbers(rules).join)
  return {
    firstJoin: next(),
    otherUser: next(),
    banned: next(),
    invited: next(),
    restricted: next(rules.restrictedJoins),
    public: next(),
    otherwise: next(),
  }
}

/** Numbers below the rule on `m.room.power_levels`. */
export function powerLevelsRuleNumbers(rules: RoomVersionRules) {
  const next = counter(ruleNumbers(rules).powerLevels)
  return {
    integerLevels: next(rules.integerPowerLevels),
    integerMaps: next(rules.integerPowerLevels),
    users: next(),
    creators: next(rules.privilegedCreators),
    noPrevious: next(),
    levels: next(),
    mapsCurrent: next(),
    mapsNew: next(),
    usersCurrent: next(),
    usersNew: next(),
  }
}

/** Counts the rules that a version has, below a prefix. */
function counter(prefix: string): (present?: boolean) => string {
  let last = 0
  return (present = true) => {
    if (!present) return ''
    last += 1
    return prefix === '' ? String(last) : `${prefix}.${last}`
  }
}
