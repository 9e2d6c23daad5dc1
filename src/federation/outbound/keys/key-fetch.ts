import { isJsonObject, type JsonObject, type JsonValue } from '../../../matrix/json.ts'
import { verifyJsonSignature } from '../../../matrix/signing.ts'
import { letOthersRun } from '../../../runtime/turns.ts'
import type { ServerKeyResponseRow, ServerKeyRow } from '../../../storage/d1/server-keys.ts'
import { type FederationClient, jsonBody } from '../client.ts'
import {
  KEY_FETCH_TIMEOUT_MS,
  KEY_RESPONSE_MAX_BYTES,
  NOTARY_RESPONSE_MAX_BYTES,
  NOTARY_TIMEOUT_MS,
  SERVERS_PER_NOTARY_QUERY,
} from '../limits.ts'
import { OutboundError } from '../outbound-error.ts'
import { checkKeyResponse } from './key-response.ts'

/** What asking for a server's keys gave. */
export interface FetchedKeys {
  readonly keys: readonly ServerKeyRow[]
  readonly response: ServerKeyResponseRow
}

/** Answers about one server that are looked at. */
const MAX_ANSWERS_PER_SERVER = 4
/** Answers, two signatures each, that are checked in one turn. */
const ANSWERS_PER_TURN = 16
const LIMITS = { timeoutMs: KEY_FETCH_TIMEOUT_MS, maxBytes: KEY_RESPONSE_MAX_BYTES }

/** A server's keys as it tells itself. @throws OutboundError. */
export async function fetchDirect(client: FederationClient, serverName: string, now: () => number): Promise<FetchedKeys> {
  const response = await client.json(serverName, { method: 'GET', path: '/_matrix/key/v2/server', signed: false, ...LIMITS })
  const fetched = accept(response, serverName, '', now())
  if (typeof fetched === 'string') throw new OutboundError('invalid', `keys of ${serverName}: ${fetched}`)
  return fetched
}

/**
 * Servers' keys as a notary tells (server-server-api#querying-keys-through-another-server), as far as it knows them. The notary must have signed
 * each of them, by a key that its own object proves.
 * @param notaryKeys the notary's current keys by ID, 32 bytes each.
 * @param wanted until when each server's keys should be valid, in milliseconds since the epoch; at most {@link SERVERS_PER_NOTARY_QUERY}.
 * @throws OutboundError.
 */
export async function fetchFromNotary(
  client: FederationClient,
  notary: string,
  notaryKeys: ReadonlyMap<string, Uint8Array>,
  wanted: ReadonlyMap<string, number>,
  now: () => number,
): Promise<ReadonlyMap<string, FetchedKeys>> {
  const questions = [...wanted].map(([serverName, until]) => [serverName, { '': { minimum_valid_until_ts: until } }] as const)
  const answer = await client.json(notary, {
    method: 'POST',
    path: '/_matrix/key/v2/query',
    canonicalBody: jsonBody({ server_keys: Object.fromEntries(questions) }),
    signed: false,
    timeoutMs: NOTARY_TIMEOUT_MS,
    maxBytes: NOTARY_RESPONSE_MAX_BYTES,
  })
  const list: readonly JsonValue[] = Array.isArray(answer.server_keys) ? answer.server_keys : []
  const found = new Map<string, FetchedKeys>()
  for (const [index, response] of list.slice(0, SERVERS_PER_NOTARY_QUERY * MAX_ANSWERS_PER_SERVER).entries()) {
    if (index % ANSWERS_PER_TURN === ANSWERS_PER_TURN - 1) await letOthersRun()
    if (!isJsonObject(response) || typeof response.server_name !== 'string' || !wanted.has(response.server_name)) continue
    if (![...notaryKeys].some(([keyId, publicKey]) => verifyJsonSignature(response, notary, keyId, publicKey))) continue
    const fetched = accept(response, response.server_name, notary, now())
    const before = found.get(response.server_name)
    // A notary may tell several answers of a server, of different times.
    if (typeof fetched === 'string' || (before !== undefined && before.response.validUntilTs > fetched.response.validUntilTs)) continue
    found.set(response.server_name, fetched)
  }
  return found
}

function accept(response: JsonObject, serverName: string, via: string, nowMs: number): FetchedKeys | string {
  const verdict = checkKeyResponse(response, serverName, via, nowMs)
  if (!verdict.ok) return verdict.reason
  const { keys, validUntilTs } = verdict
  return { keys, response: { serverName, body: JSON.stringify(response), validUntilTs, fetchedTs: nowMs } }
}
