import { checkEventSignatures, type KeyLookup, parsePublicKey } from '../../src/matrix/events/event-signatures.ts'
import { parsePdu } from '../../src/matrix/events/parse-pdu.ts'
import { isJsonObject, type JsonObject } from '../../src/matrix/json.ts'
import { findRoomVersionRules } from '../../src/matrix/room-versions/rules.ts'
import { parseStrictJson } from '../../src/matrix/strict-json.ts'

/** Events of rooms of one version, as text, with the key documents of the servers that signed them. */
export interface ReceivedEvents {
  readonly version: string
  readonly keys: readonly JsonObject[]
  readonly texts: readonly string[]
}

/**
 * Verifies events as they come over the network: strict JSON, format, content hash, event ID, signatures. Answers how many there were.
 * @throws Error if one is not valid.
 */
export function verifyEvents({ version, keys, texts }: ReceivedEvents): number {
  const rules = findRoomVersionRules(version)
  if (rules === undefined) throw new Error(`unknown room version ${version}`)
  const known = new Map(keys.flatMap((document) => keysOf(document)))
  const findKey: KeyLookup = (serverName, keyId) => known.get(`${serverName} ${keyId}`)
  for (const text of texts) {
    const json = parseStrictJson(text, { numbers: rules.strictCanonicalJson ? 'integers' : 'exact' })
    const parsed = json.ok && isJsonObject(json.value) ? parsePdu(json.value, rules) : undefined
    const valid = parsed?.ok && parsed.contentHashMatches && checkEventSignatures(parsed, rules, findKey).kind === 'valid'
    if (valid !== true) throw new Error(`not valid: ${text}`)
  }
  return texts.length
}

function keysOf(document: JsonObject): [string, { publicKey: Uint8Array; validUntilTs: number }][] {
  const keys = isJsonObject(document.verify_keys) ? document.verify_keys : {}
  return Object.entries(keys).flatMap(([keyId, entry]) => {
    const publicKey = isJsonObject(entry) ? parsePublicKey(entry.key) : undefined
    return publicKey === undefined
      ? []
      : [[`${String(document.server_name)} ${keyId}`, { publicKey, validUntilTs: Number(document.valid_until_ts) }] as const].map(
          ([name, key]) => [name, key],
        )
  })
}
