import { badJson, MatrixError } from '../matrix/errors.ts'
import { readText } from './body-reader.ts'

/** Bytes of a form. */
const MAX_FORM_BYTES = 64 * 1024
const FORM_TYPE = 'application/x-www-form-urlencoded'

/**
 * The fields of a form that was sent as `application/x-www-form-urlencoded`. A field that is there twice could be understood in two ways and
 * is refused. @throws MatrixError M_UNKNOWN 415, M_TOO_LARGE, M_NOT_JSON (not UTF-8), M_BAD_JSON.
 */
export async function readForm(request: Request): Promise<ReadonlyMap<string, string>> {
  const type = request.headers.get('content-type') ?? ''
  if (type.split(';')[0]?.trim().toLowerCase() !== FORM_TYPE) throw new MatrixError(415, 'M_UNKNOWN', `The body must be ${FORM_TYPE}`)
  const fields = [...new URLSearchParams(await readText(request, MAX_FORM_BYTES))]
  const form = new Map(fields)
  if (form.size !== fields.length) throw badJson('A field is there twice')
  return form
}
