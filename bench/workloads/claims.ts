import { inLanes } from '../bench.ts'
import type { MatrixClient } from '../client/matrix-client.ts'
import type { Workload } from '../workload.ts'

const DEVICES = 20
const KEYS_PER_DEVICE = 50
/** Claims at once. */
const LANES = 32

/** Uploads one-time keys for a client's device; answers the device. */
async function publish(client: MatrixClient): Promise<string> {
  const answer = await client.get('/account/whoami')
  const { device_id: deviceId } = JSON.parse(answer.body.toString('utf8')) as { device_id: string }
  const keys = Array.from({ length: KEYS_PER_DEVICE }, (_, n): [string, object] => [
    `signed_curve25519:AAAA${String(n).padStart(2, '0')}`,
    {
      key: Buffer.from(`${client.userId} ${n}`.padEnd(32, '.').slice(0, 32)).toString('base64').replace(/=+$/, ''),
      signatures: { [client.userId]: { [`ed25519:${deviceId}`]: 'c2ln' } },
    },
  ])
  await client.post('/keys/upload', { one_time_keys: Object.fromEntries(keys) })
  return deviceId
}

/** 1,000 one-time keys of 20 devices, claimed 32 at once (SECURITY D6). Throws if one is handed out twice. */
export const claims: Workload = {
  name: 'claims',
  title: 'one-time-key claim, 32 at once',
  prepare: async (bench) => {
    const owners = await bench.users('owner', DEVICES)
    const targets = await Promise.all(owners.map(async (owner) => ({ userId: owner.userId, deviceId: await publish(owner) })))
    const claimer = await bench.user('claimer')
    const lanes = Array.from({ length: LANES }, () => claimer.onNewConnection())
    const operations = DEVICES * KEYS_PER_DEVICE
    return async () => {
      const handedOut = new Set<string>()
      let next = 0
      const claim = async (lane: MatrixClient, samplesMs: number[]): Promise<void> => {
        const target = targets[next % DEVICES]
        next += 1
        if (target === undefined || next > operations) return
        const { userId, deviceId } = target
        const answer = await lane.post('/keys/claim', { one_time_keys: { [userId]: { [deviceId]: 'signed_curve25519' } } })
        samplesMs.push(answer.receivedMs - answer.sentMs)
        const body = JSON.parse(answer.body.toString('utf8')) as { one_time_keys: Record<string, Record<string, object>> }
        const key = `${userId} ${Object.keys(body.one_time_keys[userId]?.[deviceId] ?? {})[0]}`
        if (handedOut.has(key)) throw new Error(`${key} was handed out twice`)
        handedOut.add(key)
      }
      const run = (samplesMs: number[]): Promise<void> => inLanes(lanes, Math.ceil(operations / LANES), (lane) => claim(lane, samplesMs))
      const { name, title } = claims
      const result = await bench.measure({ name, title, operations, run, extra: () => ({ distinctKeys: handedOut.size }) })
      for (const lane of lanes) lane.close()
      return [result]
    }
  },
}
