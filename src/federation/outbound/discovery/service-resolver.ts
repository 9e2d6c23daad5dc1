import { isJsonObject, type JsonValue } from '../../../matrix/json.ts'
import type { SrvRecord, SrvResolver } from '../../../runtime/outbound-network.ts'
import { OutboundError } from '../outbound-error.ts'

/** A resolver behind a service binding: the self-hosting program asks the machine's own DNS. */
export function serviceResolver(service: Pick<Fetcher, 'fetch'>): SrvResolver {
  return {
    resolveSrv: async (name, signal) => {
      const response = await service.fetch(`http://resolver/srv?name=${encodeURIComponent(name)}`, { signal })
      if (response.status !== 200) throw new OutboundError('unreachable', 'the DNS could not answer')
      const body: unknown = await response.json()
      const records: readonly JsonValue[] = isJsonObject(body) && Array.isArray(body.records) ? body.records : []
      return records.flatMap((record) => srvRecord(record) ?? [])
    },
  }
}

function srvRecord(value: JsonValue): SrvRecord | undefined {
  if (!isJsonObject(value)) return undefined
  const { priority, weight, port, target } = value
  if (typeof priority !== 'number' || typeof weight !== 'number' || typeof port !== 'number' || typeof target !== 'string') return undefined
  return { priority, weight, port, target }
}
