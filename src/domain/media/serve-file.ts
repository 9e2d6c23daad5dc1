import { fileResponse, multipartFileResponse, type ServedFile } from '../../http/file-response.ts'
import { notFound } from '../../matrix/errors.ts'
import { contentDisposition } from '../../matrix/media/content-disposition.ts'
import { randomString } from '../../runtime/random.ts'
import { Blobs } from '../../storage/media/blobs.ts'
import { originalKey } from '../../storage/media/keys.ts'
import type { RequestContext } from '../context.ts'
import type { StoredFile } from './stored-file.ts'

/** Characters of a boundary: no file holds it by chance or by design. */
const BOUNDARY_LENGTH = 40

/** A file as it was uploaded, under its own name or another. */
export function servedFile(ctx: RequestContext, file: StoredFile, filename = file.filename): ServedFile {
  const { contentType, bytes, blob } = file
  return {
    contentType,
    disposition: contentDisposition(contentType, filename),
    bytes,
    etag: blob,
    open: async (range) => (await new Blobs(ctx.env, ctx.requestId).get(originalKey(blob), range))?.body,
  }
}

/** The answer to a client. @throws MatrixError M_NOT_FOUND: it has just been removed. */
export async function respondWithFile(request: Request, file: ServedFile): Promise<Response> {
  const response = await fileResponse(request, file)
  if (response === undefined) throw notFound('There is no such media')
  return response
}

/** The answer to another server. @throws MatrixError M_NOT_FOUND: it has just been removed. */
export async function respondToServer(file: ServedFile): Promise<Response> {
  const response = await multipartFileResponse(file, randomString(BOUNDARY_LENGTH))
  if (response === undefined) throw notFound('There is no such media')
  return response
}
