import { IMAGE_TYPES, type ImageHeader } from '../../../matrix/media/image-header.ts'
import { planThumbnail, type ThumbnailVariant } from '../../../matrix/media/thumbnail-variants.ts'
import { downscale, turnUpright } from './downscale.ts'
import { ImageCodec } from './photon.ts'

const JPEG_QUALITY = 80

/** A thumbnail, encoded. */
export interface Thumbnail {
  readonly bytes: Uint8Array
  readonly contentType: string
}

/**
 * Makes a thumbnail; `undefined` where the image is no larger than that, and does not move. What may be transparent becomes PNG, everything else JPEG.
 * The caller has bounded the number of pixels. @throws Error for what cannot be decoded.
 */
export function makeThumbnail(bytes: Uint8Array, header: ImageHeader, variant: ThumbnailVariant): Thumbnail | undefined {
  const { orientation, animated } = header
  // The plan is for the image as it is stored; what is turned afterwards is planned for lying down.
  const isSwapped = orientation >= 5
  const lying = isSwapped ? { ...variant, width: variant.height, height: variant.width } : variant
  const { width, height } = header
  const plan = planThumbnail(header, lying) ?? (animated ? { crop: { x: 0, y: 0, width, height }, width, height } : undefined)
  if (plan === undefined) return undefined
  const codec = new ImageCodec()
  const pixels = codec.decode(bytes)
  if (pixels.width !== width || pixels.height !== height) throw new Error('an image of another size than it says')
  const small = turnUpright(downscale(pixels, plan), orientation)
  const isPng = header.kind === 'png' || header.kind === 'gif' || header.transparent
  return isPng
    ? { bytes: codec.png(small), contentType: IMAGE_TYPES.png }
    : { bytes: codec.jpeg(small, JPEG_QUALITY), contentType: IMAGE_TYPES.jpeg }
}
