import type { RequestContext } from '../../../domain/context.ts'
import { isServerName } from '../../../matrix/ids/server-name.ts'
import { isJsonObject, type JsonObject } from '../../../matrix/json.ts'
import { signJson } from '../../../matrix/signing.ts'
import { nowMs } from '../../../runtime/clock.ts'
import { signerOf } from '../../../runtime/event-signer.ts'
import { loadServerKeyResponses, type ServerKeyResponseRow } from '../../../storage/d1/server-keys.ts'
import { outboundOf } from '../../outbound/outbound.ts'
import { ownKeyResponse } from './own-keys.ts'

/** Servers in one query (SECURITY F8). */
export const MAX_NOTARY_SERVERS = 100
/** Servers that one query makes us ask; the others are answered from what is known. */
const MAX_NOTARY_FETCHES = 20

/**
 * What is known of some servers' keys, each as that server has signed it, with our signature added (server-server-api#querying-keys-through-another-server).
 * Servers that nothing is known of, and cannot be asked within the limits of the key ring, are left out.
 * @param wanted until when the keys of each server should be valid, in milliseconds since the epoch.
 */
export async function notarize(ctx: RequestContext, wanted: ReadonlyMap<string, number>): Promise<JsonObject[]> {
  const { config, registry } = ctx
  const others = [...wanted.keys()].filter((serverName) => serverName !== config.serverName && isServerName(serverName))
  const known = await responsesOf(ctx, others)
  const isCurrent = (serverName: string): boolean => (known.get(serverName)?.validUntilTs ?? 0) >= (wanted.get(serverName) ?? 0)
  const stale = others.filter((serverName) => !isCurrent(serverName)).slice(0, MAX_NOTARY_FETCHES)
  if (stale.length > 0) {
    const { keys } = outboundOf(ctx.env)
    await Promise.all(stale.map((serverName) => keys.refresh(registry, serverName)))
    for (const [serverName, row] of await responsesOf(ctx, stale)) known.set(serverName, row)
  }
  const answers = [...known.values()].flatMap(({ body }) => {
    const response: unknown = JSON.parse(body)
    return isJsonObject(response) ? [signJson(response, signerOf(config))] : []
  })
  return wanted.has(config.serverName) ? [ownKeyResponse(config, nowMs()), ...answers] : answers
}

async function responsesOf(ctx: RequestContext, serverNames: readonly string[]): Promise<Map<string, ServerKeyResponseRow>> {
  if (serverNames.length === 0) return new Map()
  const rows = await loadServerKeyResponses(ctx.registry, serverNames)
  return new Map(rows.map((row) => [row.serverName, row]))
}
