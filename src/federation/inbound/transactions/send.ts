import * as z from 'zod'
import { receiveTransaction } from '../../../domain/federation/receive-transaction.ts'
import { rawJson } from '../../../http/json-response.ts'
import { jsonObject } from '../../../http/schema/json.ts'
import { serverEndpoint } from '../endpoint.ts'

/** 50 PDUs and 100 EDUs of 64 KiB, and what holds them together. */
const MAX_TRANSACTION_BYTES = 10 * 1024 * 1024

/** `PUT /_matrix/federation/v1/send/{txnId}` (server-server-api#put_matrixfederationv1sendtxnid). */
export const sendTransaction = serverEndpoint(
  {
    method: 'PUT',
    path: '/_matrix/federation/v1/send/:txnId',
    params: z.object({ txnId: z.string() }),
    body: jsonObject,
    maxBodyBytes: MAX_TRANSACTION_BYTES,
  },
  async ({ params, origin, ctx }) => rawJson(await receiveTransaction(ctx, origin, params.txnId)),
)
