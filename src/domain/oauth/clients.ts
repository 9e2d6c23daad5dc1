import { createHmac } from 'node:crypto'
import { deriveKey } from '../../runtime/access-token.ts'
import { nowMs } from '../../runtime/clock.ts'
import type { Config } from '../../runtime/config.ts'
import { findOAuthClient, markOAuthClientUsed, upsertOAuthClient } from '../../storage/d1/oauth-clients.ts'
import type { RequestContext } from '../context.ts'
import { type ClientClaims, type ClientMetadata, checkClient } from './client-metadata.ts'
import { OAuthError } from './oauth-error.ts'

/** 144 bits in Base64url. */
const CLIENT_ID_CHARS = 24
const CLIENT_ID = /^[A-Za-z0-9_-]{24}$/

/** A client that is registered here. */
export interface OAuthClient {
  readonly clientId: string
  readonly metadata: ClientMetadata
}

/** Whether this server is a developer's own: its public URL is plain HTTP. */
export function isDevelopment(config: Config): boolean {
  return config.publicUrl.startsWith('http:')
}

/**
 * Registers a client (RFC 7591, client-server-api#dynamic-client-registration-flow). The ID is a function of the metadata, so that the same
 * client on many devices is one row. @throws OAuthError.
 */
export async function registerClient(ctx: RequestContext, claims: ClientClaims): Promise<OAuthClient> {
  const verdict = checkClient(claims, isDevelopment(ctx.config))
  if (!verdict.ok) throw new OAuthError(400, verdict.problem.error, verdict.problem.description)
  const metadata = JSON.stringify(verdict.metadata)
  const clientId = createHmac('sha256', deriveKey(ctx.config, 'oauth-client-id/1'))
    .update(metadata)
    .digest('base64url')
    .slice(0, CLIENT_ID_CHARS)
  await upsertOAuthClient(ctx.registry, { clientId, metadata }, nowMs())
  return { clientId, metadata: verdict.metadata }
}

/** A registered client; `undefined` where there is none. */
export async function findClient(ctx: RequestContext, clientId: string): Promise<OAuthClient | undefined> {
  const row = CLIENT_ID.test(clientId) ? await findOAuthClient(ctx.registry, clientId) : undefined
  return row && { clientId, metadata: parseMetadata(clientId, row.metadata) }
}

/** Keeps a client that a user is letting in. @throws OAuthError if it has been removed meanwhile. */
export async function keepClient(ctx: RequestContext, clientId: string): Promise<void> {
  if (!(await markOAuthClientUsed(ctx.registry, clientId, nowMs())))
    throw new OAuthError(400, 'invalid_client', 'The client is not registered')
}

/** What {@link registerClient} wrote; checked again, because rules may have become stricter since. */
function parseMetadata(clientId: string, text: string): ClientMetadata {
  const verdict = checkClient(JSON.parse(text) as ClientClaims, true)
  if (!verdict.ok) throw new Error(`the stored metadata of client ${clientId} is invalid`)
  return verdict.metadata
}

/** What users know a client by: its name, else its host. */
export function clientTitle({ metadata }: OAuthClient): string {
  return metadata.client_name ?? new URL(metadata.client_uri).hostname
}
