import { THUMBNAIL_VARIANTS, type ThumbnailVariant } from '../../matrix/media/thumbnail-variants.ts'

/*
 * Where files lie in R2. A `blob` is a name that this server has made up, random and never used twice: no name that a client or another server
 * chooses is part of a key (SECURITY M2).
 */

/** Key of a file as it was uploaded. */
export function originalKey(blob: string): string {
  return `original/${blob}`
}

/** Key of a file's thumbnail. */
export function thumbnailKey(blob: string, variant: ThumbnailVariant): string {
  return `thumbnail/${blob}/${variant.name}`
}

/** Every key that a file may have. */
export function keysOf(blob: string): string[] {
  return [originalKey(blob), ...THUMBNAIL_VARIANTS.map((variant) => thumbnailKey(blob, variant))]
}
