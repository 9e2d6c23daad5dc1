import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { planThumbnail, THUMBNAIL_VARIANTS, variantFor } from '../../../../src/matrix/media/thumbnail-variants.ts'

const side = fc.integer({ min: 1, max: 3_000 })
const method = fc.constantFrom('crop' as const, 'scale' as const)

describe('the sizes of thumbnails (client-server-api#thumbnails)', () => {
  it('include those that every server should have', () => {
    const names = THUMBNAIL_VARIANTS.map(({ name }) => name)
    for (const name of ['32x32-crop', '96x96-crop', '320x240-scale', '640x480-scale', '800x600-scale']) expect(names).toContain(name)
  })

  it('answer a wish with the smallest that is large enough, or with none', () => {
    expect(variantFor({ width: 32, height: 32, method: 'crop' })?.name).toBe('32x32-crop')
    expect(variantFor({ width: 33, height: 33, method: 'crop' })?.name).toBe('96x96-crop')
    expect(variantFor({ width: 32, height: 32, method: 'scale' })?.name).toBe('320x240-scale')
    expect(variantFor({ width: 500, height: 100, method: 'crop' })?.name).toBe('640x480-scale')
    expect(variantFor({ width: 1_601, height: 1, method: 'scale' })).toBeUndefined()
    fc.assert(
      fc.property(side, side, method, (width, height, method) => {
        const found = variantFor({ width, height, method })
        if (found !== undefined) expect(found.width >= width && found.height >= height).toBe(true)
      }),
    )
  })

  it('never enlarge, never leave the image, and keep its shape or have their own', () => {
    fc.assert(
      fc.property(side, side, fc.constantFrom(...THUMBNAIL_VARIANTS), (width, height, variant) => {
        const plan = planThumbnail({ width, height }, variant)
        if (plan === undefined) return
        const { crop } = plan
        expect(plan.width <= crop.width && plan.height <= crop.height).toBe(true)
        expect(plan.width >= 1 && plan.height >= 1 && crop.x >= 0 && crop.y >= 0).toBe(true)
        expect(crop.x + crop.width <= width && crop.y + crop.height <= height).toBe(true)
        if (variant.method === 'crop') expect([plan.width, plan.height]).toEqual([variant.width, variant.height])
        else expect(plan.width <= variant.width && plan.height <= variant.height).toBe(true)
      }),
    )
    expect(
      planThumbnail({ width: 4_000, height: 3_000 }, THUMBNAIL_VARIANTS[4] ?? { name: '', width: 1, height: 1, method: 'crop' }),
    ).toEqual({
      crop: { x: 0, y: 0, width: 4_000, height: 3_000 },
      width: 320,
      height: 240,
    })
  })
})
