import { postKeysClaim } from './claim-keys.ts'
import { getKeysChanges } from './key-changes.ts'
import { postKeysQuery } from './query-keys.ts'
import { postDeviceSigningUpload } from './upload-cross-signing.ts'
import { postKeysUpload } from './upload-keys.ts'
import { postSignaturesUpload } from './upload-signatures.ts'

/** Keys of devices and users. */
export const keyEndpoints = [postKeysUpload, postKeysQuery, postKeysClaim, getKeysChanges, postDeviceSigningUpload, postSignaturesUpload]
