import type { Handler } from 'hono'
import * as z from 'zod'
import { objectsOf } from '../../durable/objects.ts'
import { readJsonObject } from '../../http/body-reader.ts'
import { errorResponse } from '../../http/error-response.ts'
import { jsonResponse } from '../../http/json-response.ts'
import { nextRequestId } from '../../http/request-id.ts'
import { badJson } from '../../matrix/errors.ts'
import type { Env } from '../../runtime/bindings.ts'

const MAX_BODY_BYTES = 4096
const Body = z.object({ object: z.enum(['user', 'room', 'remote-server', 'repair']), name: z.string().min(1).max(255) })

/**
 * `POST /_myelin/control/abort` `{object: 'user' | 'room' | 'remote-server' | 'repair', name}`: ends the life of one object as a crash would, for crash tests. The name
 * must be of an object that exists, because naming one creates it.
 */
export const abort: Handler<{ Bindings: Env }> = async (c) => {
  const requestId = nextRequestId()
  try {
    const body = Body.safeParse(await readJsonObject(c.req.raw, { maxBytes: MAX_BODY_BYTES, emptyBody: false, numbers: 'any' }))
    if (!body.success) throw badJson(z.prettifyError(body.error))
    const { object, name } = body.data
    const objects = objectsOf(c.env, requestId)
    const stub = {
      user: () => objects.user(name),
      room: () => objects.room(name),
      'remote-server': () => objects.remoteServer(name),
      repair: () => objects.repair(name),
    }[object]()
    // The call breaks because its object ends: that is its success.
    await stub.abortForTest().catch(() => undefined)
    return jsonResponse({}, { requestId })
  } catch (cause) {
    return errorResponse(cause, requestId)
  }
}
