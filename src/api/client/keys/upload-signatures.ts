import { jsonObjectOf } from '../../../domain/e2ee/local-users.ts'
import { uploadSignatures } from '../../../domain/e2ee/upload-signatures.ts'
import type { SignatureFailure, SignedKey } from '../../../durable/user/e2ee/upload-signatures.ts'
import { rawJson } from '../../../http/json-response.ts'
import { clientPaths } from '../../../http/path.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { invalidParam } from '../../../matrix/errors.ts'
import { isJsonObject, type JsonObject } from '../../../matrix/json.ts'
import { endpoint } from '../../endpoint.ts'
import { byUser, entriesOf } from './schema.ts'

/** Signed keys of one request. */
const MAX_KEYS = 1_000

/** `POST /keys/signatures/upload` (client-server-api#post_matrixclientv3keyssignaturesupload). */
export const postSignaturesUpload = endpoint(
  {
    method: 'POST',
    path: clientPaths('keys/signatures/upload'),
    auth: 'user',
    standing: 'unlocked',
    rateLimit: 'write',
    body: jsonObject,
    numbers: 'integers',
  },
  async ({ body, ctx }) => rawJson(`{"failures":${failuresJson(await uploadSignatures(ctx, readKeys(body)))}}`),
)

function readKeys(body: JsonObject): SignedKey[] {
  const users = byUser(body, (value) => entriesOf(value, 'Signed keys'))
  const keys = [...users].flatMap(([userId, entries]) =>
    entries.map(([target, object]) => {
      if (!isJsonObject(object)) throw invalidParam('A signed key must be an object')
      return { userId, target, object }
    }),
  )
  if (keys.length > MAX_KEYS) throw invalidParam(`At most ${MAX_KEYS} signed keys at once`)
  return keys
}

function failuresJson(failures: readonly SignatureFailure[]): string {
  const users = Map.groupBy(failures, ({ userId }) => userId)
  return jsonObjectOf(
    [...users].map(([userId, ofUser]) => [
      userId,
      jsonObjectOf(ofUser.map(({ target, errcode, error }) => [target, JSON.stringify({ errcode, error })])),
    ]),
  )
}
