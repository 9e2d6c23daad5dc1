/** How a thumbnail fills the size that is asked for (client-server-api#thumbnails). */
export type ThumbnailMethod = 'crop' | 'scale'

/** One of the sizes in which thumbnails are made. */
export interface ThumbnailVariant {
  readonly name: string
  readonly width: number
  readonly height: number
  readonly method: ThumbnailMethod
}

/** What a client asks for. */
export interface ThumbnailWish {
  readonly width: number
  readonly height: number
  readonly method: ThumbnailMethod
}

function variant(width: number, height: number, method: ThumbnailMethod): ThumbnailVariant {
  return { name: `${width}x${height}-${method}`, width, height, method }
}

/**
 * Every size that thumbnails are made in, smallest first: those of the specification, and larger ones for dense displays. A request is answered
 * with the smallest that is large enough, so that nobody can have more made of a file than these.
 */
export const THUMBNAIL_VARIANTS: readonly ThumbnailVariant[] = [
  variant(32, 32, 'crop'),
  variant(96, 96, 'crop'),
  variant(256, 256, 'crop'),
  variant(512, 512, 'crop'),
  variant(320, 240, 'scale'),
  variant(640, 480, 'scale'),
  variant(800, 600, 'scale'),
  variant(1600, 1200, 'scale'),
]

/** The variant that answers a wish; `undefined` where none is large enough, and the original has to do. */
export function variantFor({ width, height, method }: ThumbnailWish): ThumbnailVariant | undefined {
  const fits = (candidate: ThumbnailVariant): boolean => candidate.width >= width && candidate.height >= height
  // Crops are square; what is to be cropped otherwise is scaled, and the client crops it.
  const wanted = method === 'crop' && width === height ? 'crop' : 'scale'
  return (
    THUMBNAIL_VARIANTS.find((candidate) => candidate.method === wanted && fits(candidate)) ??
    THUMBNAIL_VARIANTS.find((candidate) => candidate.method === 'scale' && fits(candidate))
  )
}

/** Where in an image a thumbnail comes from, and how large it becomes. */
export interface ThumbnailPlan {
  readonly crop: { readonly x: number; readonly y: number; readonly width: number; readonly height: number }
  readonly width: number
  readonly height: number
}

/** How a thumbnail of an image is made; `undefined` where that would enlarge it, which is never done. */
export function planThumbnail(
  image: { readonly width: number; readonly height: number },
  wanted: ThumbnailVariant,
): ThumbnailPlan | undefined {
  const across = wanted.width / image.width
  const down = wanted.height / image.height
  if (wanted.method === 'crop') {
    const factor = Math.max(across, down)
    if (factor >= 1) return undefined
    const width = Math.min(image.width, Math.max(1, Math.round(wanted.width / factor)))
    const height = Math.min(image.height, Math.max(1, Math.round(wanted.height / factor)))
    const crop = { x: Math.floor((image.width - width) / 2), y: Math.floor((image.height - height) / 2), width, height }
    return { crop, width: wanted.width, height: wanted.height }
  }
  const factor = Math.min(across, down)
  if (factor >= 1) return undefined
  const crop = { x: 0, y: 0, width: image.width, height: image.height }
  return { crop, width: Math.max(1, Math.round(image.width * factor)), height: Math.max(1, Math.round(image.height * factor)) }
}
