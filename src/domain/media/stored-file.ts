import type { MediaRow } from '../../storage/d1/media.ts'

/** A file whose bytes are here. */
export type StoredFile = MediaRow & { readonly blob: string }

/** The file, if its bytes are here. */
export function storedFile(row: MediaRow): StoredFile | undefined {
  const { blob } = row
  return blob === undefined ? undefined : { ...row, blob }
}
