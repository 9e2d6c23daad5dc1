import { isJsonObject, type JsonValue } from '../../../matrix/json.ts'
import { parseStrictJson } from '../../../matrix/strict-json.ts'
import type { SrvRecord, SrvResolver } from '../../../runtime/outbound-network.ts'
import { type Guard, guardedFetch } from '../guarded-fetch.ts'
import { SRV_TIMEOUT_MS } from '../limits.ts'
import { OutboundError } from '../outbound-error.ts'

const ENDPOINT = 'https://cloudflare-dns.com/dns-query'
const MAX_ANSWER_BYTES = 65_536
/** Most records of one answer that are read. */
const MAX_RECORDS = 64
const SRV_TYPE = 33
/** DNS response codes: no error, no such name. */
const NO_ERROR = 0
const NO_SUCH_NAME = 3
const SRV_DATA = /^(\d{1,5}) (\d{1,5}) (\d{1,5}) ([0-9A-Za-z._-]{1,255})$/

/** A resolver that asks Cloudflare's DNS over HTTPS: for Workers, which have no other way to read service records. */
export function dohResolver(guard: Guard): SrvResolver {
  return {
    resolveSrv: async (name) => {
      const response = await guardedFetch(guard, {
        url: `${ENDPOINT}?type=SRV&name=${encodeURIComponent(name)}`,
        headers: { accept: 'application/dns-json' },
        timeoutMs: SRV_TIMEOUT_MS,
        maxBytes: MAX_ANSWER_BYTES,
      })
      const text = await response.body.text()
      if (response.status !== 200) throw new OutboundError('unreachable', `the DNS answered ${response.status}`)
      return parseDnsJson(text)
    },
  }
}

/** The service records of an answer in DNS JSON. @throws OutboundError where the DNS failed or the answer is none. */
export function parseDnsJson(text: string): readonly SrvRecord[] {
  const parsed = parseStrictJson(text, { numbers: 'any' })
  if (!parsed.ok || !isJsonObject(parsed.value)) throw new OutboundError('invalid', 'the DNS answered something else')
  const { Status: status, Answer: answer } = parsed.value
  if (status === NO_SUCH_NAME) return []
  if (status !== NO_ERROR) throw new OutboundError('unreachable', 'the DNS could not answer')
  const answers: readonly JsonValue[] = Array.isArray(answer) ? answer : []
  return answers.slice(0, MAX_RECORDS).flatMap((record) => {
    if (!isJsonObject(record) || record.type !== SRV_TYPE || typeof record.data !== 'string') return []
    const [, priority, weight, port, target] = SRV_DATA.exec(record.data) ?? []
    return target === undefined ? [] : [{ priority: Number(priority), weight: Number(weight), port: Number(port), target }]
  })
}
