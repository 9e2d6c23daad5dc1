import type { JsonObject } from '../../../matrix/json.ts'
import type { DeviceMessage } from '../../user/e2ee/peer-items.ts'

/** A message to devices of local users whose accounts exist (server-server-api#mdirect_to_device). */
export interface ReceivedMessage {
  readonly kind: 'message'
  readonly sender: string
  readonly type: string
  /** The other server's ID for it: it counts once. */
  readonly messageId: string
  readonly recipients: readonly { readonly userId: string; readonly messages: readonly DeviceMessage[] }[]
}

/** A device of a user of the other server has changed (server-server-api#mdevice_list_update). */
export interface ReceivedDeviceUpdate {
  readonly kind: 'device'
  readonly userId: string
  readonly deviceId: string
  /** Absent where what came is no number that can be one. */
  readonly streamId: number | undefined
  readonly prevIds: readonly number[]
  readonly deleted: boolean
  readonly keys: JsonObject | undefined
  readonly displayName: string | undefined
}

/** Cross-signing keys of a user of the other server have changed (server-server-api#msigning_key_update). */
export interface ReceivedSigningKeys {
  readonly kind: 'signing'
  readonly userId: string
  readonly master: JsonObject | undefined
  readonly selfSigning: JsonObject | undefined
}

/** What another server says about devices, as far as it may: users are of that server, shapes are checked. */
export type ReceivedDeviceEdu = ReceivedMessage | ReceivedDeviceUpdate | ReceivedSigningKeys
