/// <reference path="./wasm.d.ts" />
import photon from '@cf-wasm/photon/photon.wasm'

/** Pixels of an image, row by row from the top, four bytes each: red, green, blue, opacity. */
export interface Pixels {
  readonly width: number
  readonly height: number
  readonly data: Uint8Array
}

type Pointer = number

/** What the module exports, as far as it is used here. Pointers are into its memory; slices are pairs of pointer and length. */
interface Exports {
  readonly memory: WebAssembly.Memory
  __wbindgen_malloc(bytes: number, align: number): Pointer
  photonimage_new(data: Pointer, bytes: number, width: number, height: number): Pointer
  photonimage_new_from_byteslice(data: Pointer, bytes: number): Pointer
  photonimage_get_width(image: Pointer): number
  photonimage_get_height(image: Pointer): number
  photonimage_get_raw_pixels(image: Pointer): readonly [Pointer, number]
  photonimage_get_bytes(image: Pointer): readonly [Pointer, number]
  photonimage_get_bytes_jpeg(image: Pointer, quality: number): readonly [Pointer, number]
}

/**
 * Decoder and encoder of images: photon, by its bare exports, so that each image has an instance and a memory of its own. A decoder that gives up leaves an
 * instance in no state to go on, and memory of WebAssembly never shrinks: both go with the instance.
 */
export class ImageCodec {
  readonly #exports: Exports

  constructor() {
    const imports: Record<string, Record<string, () => never>> = {}
    // Reached only where the decoder fails: it wants to report that to a console.
    for (const { module, name } of WebAssembly.Module.imports(photon)) {
      imports[module] ??= {}
      imports[module][name] = () => {
        throw new Error('the image decoder has given up')
      }
    }
    this.#exports = exportsOf(new WebAssembly.Instance(photon, imports))
  }

  /** Pixels of an encoded image. They are in the instance's memory: they last until it is used again. @throws Error for what cannot be decoded. */
  decode(bytes: Uint8Array): Pixels {
    const { photonimage_new_from_byteslice, photonimage_get_width, photonimage_get_height, photonimage_get_raw_pixels, memory } =
      this.#exports
    const image = photonimage_new_from_byteslice(this.#give(bytes), bytes.length)
    const [start, length] = photonimage_get_raw_pixels(image)
    const [width, height] = [photonimage_get_width(image), photonimage_get_height(image)]
    if (length !== width * height * BYTES_PER_PIXEL) throw new Error('the image decoder has an odd number of pixels')
    return { width, height, data: new Uint8Array(memory.buffer, start, length) }
  }

  /** An image as PNG. */
  png(pixels: Pixels): Uint8Array {
    return this.#taken(this.#exports.photonimage_get_bytes(this.#image(pixels)))
  }

  /** An image as JPEG. @param quality from 1 to 100. */
  jpeg(pixels: Pixels, quality: number): Uint8Array {
    return this.#taken(this.#exports.photonimage_get_bytes_jpeg(this.#image(pixels), quality))
  }

  #image({ data, width, height }: Pixels): Pointer {
    return this.#exports.photonimage_new(this.#give(data), data.length, width, height)
  }

  #give(bytes: Uint8Array): Pointer {
    const start = this.#exports.__wbindgen_malloc(bytes.length, 1)
    new Uint8Array(this.#exports.memory.buffer).set(bytes, start)
    return start
  }

  #taken([start, length]: readonly [Pointer, number]): Uint8Array {
    return new Uint8Array(this.#exports.memory.buffer, start, length).slice()
  }
}

const BYTES_PER_PIXEL = 4
const NAMES: readonly (keyof Exports)[] = [
  '__wbindgen_malloc',
  'photonimage_new',
  'photonimage_new_from_byteslice',
  'photonimage_get_width',
  'photonimage_get_height',
  'photonimage_get_raw_pixels',
  'photonimage_get_bytes',
  'photonimage_get_bytes_jpeg',
]

function exportsOf({ exports }: WebAssembly.Instance): Exports {
  if (!isExports(exports)) throw new Error('the image decoder is another version than expected')
  return exports
}

/** The version of the module is pinned: what it exports under these names has these types. */
function isExports(exports: WebAssembly.Exports): exports is WebAssembly.Exports & Exports {
  return exports.memory instanceof WebAssembly.Memory && NAMES.every((name) => typeof exports[name] === 'function')
}
