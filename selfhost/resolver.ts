import { Resolver } from 'node:dns/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'

/** One question to one DNS server, in milliseconds; how often it is asked. */
const TIMEOUT_MS = 2_000
const TRIES = 2
/** Longest name in the DNS, as text. */
const MAX_NAME = 253
/** Records of one answer that are passed on. */
const MAX_RECORDS = 64
/** Answers that mean: there is no such record. */
const NO_RECORD = ['ENOTFOUND', 'ENODATA']

/**
 * Answers the Worker's questions about service records: `GET /srv?name=…`. 502 when the DNS cannot answer.
 * @param servers DNS servers to ask; empty: those of the machine.
 */
export function resolverHandler(servers: readonly string[]): (request: IncomingMessage, response: ServerResponse) => Promise<void> {
  const resolver = new Resolver({ timeout: TIMEOUT_MS, tries: TRIES })
  if (servers.length > 0) resolver.setServers(servers)
  return async (request, response) => {
    const name = URL.parse(request.url ?? '', 'http://resolver')?.searchParams.get('name') ?? ''
    const records = /^[0-9A-Za-z._-]+$/.test(name) && name.length <= MAX_NAME ? await resolveSrv(resolver, name) : undefined
    response.writeHead(records === undefined ? 502 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify({ records: records ?? [] }))
  }
}

async function resolveSrv(resolver: Resolver, name: string): Promise<readonly object[] | undefined> {
  try {
    const records = await resolver.resolveSrv(name)
    return records
      .slice(0, MAX_RECORDS)
      .map(({ priority, weight, port, name: target }) => ({ priority, weight, port, target: target === '' ? '.' : target }))
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
    return NO_RECORD.some((known) => known === code) ? [] : undefined
  }
}
