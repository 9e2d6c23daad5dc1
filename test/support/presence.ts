import { call, type TestSession } from './api-client.ts'
import { enc, ok } from './room-api.ts'

/** Sets somebody's own presence. */
export async function setPresence(who: TestSession, presence: string, statusMsg?: string): Promise<void> {
  const body = { presence, ...(statusMsg === undefined ? {} : { status_msg: statusMsg }) }
  ok(await call('PUT', `/presence/${enc(who.userId)}/status`, { token: who.token, body }))
}

export function presenceOf(reader: TestSession, userId: string) {
  return call('GET', `/presence/${enc(userId)}/status`, { token: reader.token })
}
