/**
 * The few native functions that `crypto.ts` uses, declared here because the pure folders compile without platform types
 * (`tsconfig.pure.json`). Builds that have the platform's own declarations exclude this file.
 */
declare module 'node:crypto' {
  interface KeyObject {
    readonly type: string
    export(options: { format: 'der'; type: 'spki' }): Uint8Array
  }
  interface Hash {
    update(data: Uint8Array): Hash
    update(data: string, inputEncoding: 'utf8'): Hash
    digest(): Uint8Array
  }
  export function createHash(algorithm: 'sha1' | 'sha256'): Hash
  export function createPrivateKey(input: { key: Uint8Array; format: 'der'; type: 'pkcs8' }): KeyObject
  export function createPublicKey(input: { key: Uint8Array; format: 'der'; type: 'spki' } | KeyObject): KeyObject
  export function sign(algorithm: null, data: Uint8Array, key: KeyObject): Uint8Array
  export function verify(algorithm: null, data: Uint8Array, key: KeyObject, signature: Uint8Array): boolean
}

declare module 'node:buffer' {
  export const Buffer: {
    from(text: string, encoding: 'utf8'): Uint8Array
    concat(parts: readonly Uint8Array[]): Uint8Array
    byteLength(text: string, encoding: 'utf8'): number
  }
}
