import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MatrixError } from '../../../src/matrix/errors.ts'
import { parsePdu } from '../../../src/matrix/events/parse-pdu.ts'
import { parseRoomEventFilter, parseSyncFilter } from '../../../src/matrix/filters.ts'
import { isEventId } from '../../../src/matrix/ids/event-id.ts'
import { parseRoomAlias } from '../../../src/matrix/ids/room-alias.ts'
import { parseRoomId } from '../../../src/matrix/ids/room-id.ts'
import { parseServerName } from '../../../src/matrix/ids/server-name.ts'
import { isValidNewLocalpart, parseUserId } from '../../../src/matrix/ids/user-id.ts'
import { isJsonObject, type JsonObject, type JsonValue } from '../../../src/matrix/json.ts'
import { parseLosslessJson } from '../../../src/matrix/lossless-json.ts'
import { parsePushActions, parsePushRule } from '../../../src/matrix/push-rules/parse-rule.ts'
import { relationOf, replyTargetOf, threadRootOf } from '../../../src/matrix/relations.ts'
import { findRoomVersionRules, ROOM_VERSIONS } from '../../../src/matrix/room-versions/rules.ts'
import { compileServerAcl } from '../../../src/matrix/server-acl.ts'
import { parseStrictJson } from '../../../src/matrix/strict-json.ts'
import { parseXMatrix } from '../../../src/matrix/x-matrix.ts'
import { PROPERTY_TIMEOUT_MS, propertyRuns } from '../../support/property-runs.ts'
import { jsonValue, text } from './arbitraries.ts'

/** Bytes as they come from a network, read as a lenient decoder would, plus text that looks like what parsers expect. */
const anyText = fc.oneof(
  fc.uint8Array({ maxLength: 64 }).map((bytes) => new TextDecoder().decode(bytes)),
  fc.string({ unit: 'binary', maxLength: 32 }),
  text(),
  fc.json({ maxDepth: 4 }),
  fc
    .tuple(fc.constantFrom('@', '!', '#', '$', 'X-Matrix ', '{', '['), fc.string({ unit: 'binary', maxLength: 24 }))
    .map((parts) => parts.join('')),
)

/** Runs a parser; only its own kind of error may come out. */
function harmless(body: () => unknown): void {
  try {
    body()
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error
  }
}

describe('whatever comes in, parsers answer or refuse, and throw nothing else', () => {
  it(
    'text',
    () => {
      fc.assert(
        fc.property(anyText, (input) => {
          for (const numbers of ['integers', 'exact', 'any'] as const) harmless(() => parseStrictJson(input, { numbers }))
          harmless(() => parseLosslessJson(input))
          for (const parse of [parseXMatrix, parseServerName, parseUserId, parseRoomId, parseRoomAlias, isEventId, isValidNewLocalpart]) {
            parse(input)
          }
        }),
        { numRuns: propertyRuns(2_000) },
      )
    },
    PROPERTY_TIMEOUT_MS,
  )

  it(
    'JSON',
    () => {
      const asObject = (value: JsonValue): JsonObject => (isJsonObject(value) ? value : { value })
      fc.assert(
        fc.property(jsonValue, fc.constantFrom(...ROOM_VERSIONS), (value, version) => {
          const rules = findRoomVersionRules(version)
          if (rules === undefined) throw new Error(version)
          const object = asObject(value)
          expect(typeof parsePdu(object, rules).ok).toBe('boolean')
          expect(typeof parsePdu({ type: 'm.room.member', sender: '@a:b', state_key: '@a:b', content: object, ...object }, rules).ok).toBe(
            'boolean',
          )
          for (const read of [relationOf, threadRootOf, replyTargetOf]) read({ 'm.relates_to': value })
          compileServerAcl({ allow: value, deny: value })
          harmless(() => parseSyncFilter(value))
          harmless(() => parseSyncFilter({ room: { timeline: value }, event_fields: value }))
          harmless(() => parseRoomEventFilter(value))
          harmless(() => parsePushActions(value))
          for (const kind of ['override', 'content', 'room', 'sender', 'underride'] as const)
            harmless(() => parsePushRule(kind, 'rule', value))
        }),
        { numRuns: propertyRuns(1_000) },
      )
    },
    PROPERTY_TIMEOUT_MS,
  )
})
