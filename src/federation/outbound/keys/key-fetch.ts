import { isJsonObject, type JsonObject, type JsonValue } from '../../../matrix/json.ts'
import { verifyJsonSignature } from '../../../matrix/signing.ts'
import type { ServerKeyResponseRow, ServerKeyRow } from '../../../storage/d1/server-keys.ts'
import { type FederationClient, jsonBody } from '../client.ts'
import { KEY_FETCH_TIMEOUT_MS, KEY_RESPONSE_MAX_BYTES } from '../limits.ts'
import { OutboundError } from '../outbound-error.ts'
import { checkKeyResponse } from './key-response.ts'

/** What asking for a server's keys gave. */
export interface FetchedKeys {
  readonly keys: readonly ServerKeyRow[]
  readonly response: ServerKeyResponseRow
}

const LIMITS = { timeoutMs: KEY_FETCH_TIMEOUT_MS, maxBytes: KEY_RESPONSE_MAX_BYTES }

/** A server's keys as it tells itself. @throws OutboundError. */
export async function fetchDirect(client: FederationClient, serverName: string, now: () => number): Promise<FetchedKeys> {
  const response = await client.json(serverName, { method: 'GET', path: '/_matrix/key/v2/server', signed: false, ...LIMITS })
  const fetched = accept(response, serverName, '', now())
  if (typeof fetched === 'string') throw new OutboundError('invalid', `keys of ${serverName}: ${fetched}`)
  return fetched
}

/**
 * A server's keys as a notary tells (server-server-api#querying-keys-through-another-server). The notary must have signed what it tells, by a
 * key that its own object proves.
 * @param notaryKeys the notary's current keys by ID, 32 bytes each.
 * @throws OutboundError.
 */
export async function fetchFromNotary(
  client: FederationClient,
  notary: string,
  notaryKeys: ReadonlyMap<string, Uint8Array>,
  serverName: string,
  minimumValidUntilTs: number,
  now: () => number,
): Promise<FetchedKeys> {
  const canonicalBody = jsonBody({ server_keys: { [serverName]: { '': { minimum_valid_until_ts: minimumValidUntilTs } } } })
  const answer = await client.json(notary, { method: 'POST', path: '/_matrix/key/v2/query', canonicalBody, signed: false, ...LIMITS })
  const list: readonly JsonValue[] = Array.isArray(answer.server_keys) ? answer.server_keys : []
  for (const response of list) {
    if (!isJsonObject(response) || response.server_name !== serverName) continue
    if (![...notaryKeys].some(([keyId, publicKey]) => verifyJsonSignature(response, notary, keyId, publicKey))) continue
    const fetched = accept(response, serverName, notary, now())
    if (typeof fetched !== 'string') return fetched
  }
  throw new OutboundError('invalid', `the notary ${notary} has no keys of ${serverName}`)
}

function accept(response: JsonObject, serverName: string, via: string, nowMs: number): FetchedKeys | string {
  const verdict = checkKeyResponse(response, serverName, via, nowMs)
  if (!verdict.ok) return verdict.reason
  const { keys, validUntilTs } = verdict
  return { keys, response: { serverName, body: JSON.stringify(response), validUntilTs, fetchedTs: nowMs } }
}
