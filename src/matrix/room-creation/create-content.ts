import { invalidParam } from '../errors.ts'
import { isUserId } from '../ids/user-id.ts'
import type { JsonObject, JsonValue } from '../json.ts'
import type { RoomPlan } from './room-plan.ts'

/**
 * Content of the create event (client-server-api#mroomcreate): what the creator asked for, with the keys that are the server's to set.
 * From version 12 those invited as equals are creators too.
 * @throws MatrixError M_INVALID_PARAM if `additional_creators` is not a list of user IDs where the version reads it.
 */
export function createContent(plan: RoomPlan): JsonObject {
  const { rules, creationContent } = plan
  const { creator: _creator, additional_creators: asked, ...rest } = creationContent
  const content: JsonObject = { ...rest, room_version: rules.version }
  if (!rules.privilegedCreators) {
    return {
      ...content,
      ...(asked === undefined ? {} : { additional_creators: asked }),
      ...(rules.implicitCreator ? {} : { creator: plan.creator }),
    }
  }
  const additional = new Set(userIds(asked))
  if (plan.preset.inviteesAreEqual) for (const { userId } of plan.invite) additional.add(userId)
  additional.delete(plan.creator)
  return additional.size === 0 ? content : { ...content, additional_creators: [...additional] }
}

function userIds(value: JsonValue | undefined): string[] {
  if (value === undefined) return []
  const ids = Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string' && isUserId(entry)) : []
  if (!Array.isArray(value) || ids.length !== value.length) throw invalidParam('additional_creators must be a list of user IDs')
  return ids
}
