import type { RemoteServer } from '../durable/remote-server/remote-server.ts'
import type { RepairObject } from '../durable/repair/repair-object.ts'
import type { Room } from '../durable/room/room.ts'
import type { User } from '../durable/user/user.ts'

/** What the platform gives every Worker invocation and object: bindings of wrangler.jsonc, variables and secrets. */
export interface Env {
  readonly DB: D1Database
  readonly KV: KVNamespace
  readonly MEDIA: R2Bucket
  readonly ROOM: DurableObjectNamespace<Room>
  readonly USER: DurableObjectNamespace<User>
  readonly REMOTE_SERVER: DurableObjectNamespace<RemoteServer>
  readonly REPAIR: DurableObjectNamespace<RepairObject>
  /** Self-hosted: the network that may be reached from here. Without it the platform's own is used. */
  readonly OUTBOUND?: Fetcher
  /** Self-hosted: answers questions to the DNS. Without it DNS over HTTPS is used. */
  readonly RESOLVER?: Fetcher
  readonly MYELIN_SERVER_NAME?: string
  readonly MYELIN_PUBLIC_URL?: string
  readonly MYELIN_REGISTRATION?: string
  readonly MYELIN_REGISTRATION_SHARED_SECRET?: string
  readonly MYELIN_DEFAULT_ROOM_VERSION?: string
  readonly MYELIN_RATE_LIMITS?: string
  readonly MYELIN_ALLOW_PRIVATE_NETWORK?: string
  readonly MYELIN_THREAD_SUBSCRIPTIONS?: string
  readonly MYELIN_PRESENCE?: string
  readonly MYELIN_OAUTH?: string
  readonly MYELIN_PASSWORD_LOGIN?: string
  readonly MYELIN_LOG?: string
  /** Set by the self-hosting program: where the client's address is believed from; see `clientAddressSource` of the configuration. */
  readonly MYELIN_CLIENT_ADDRESS?: string
  /** Set by the self-hosting program: `one`, everything shares one isolate. */
  readonly MYELIN_ISOLATES?: string
  /** TURN servers for calls: `turn:` and `turns:` URIs, separated by commas. */
  readonly MYELIN_TURN_URIS?: string
  /** Secret that the TURN servers share, e.g. coturn's `static-auth-secret`. */
  readonly MYELIN_TURN_SECRET?: string
  /** Secret: master key from which token MACs and sync-token MACs are derived. At least 32 bytes of Base64. */
  readonly MYELIN_SECRET?: string
  /** Secret: `ed25519 <key version> <unpadded Base64 seed>`, the format of Synapse's signing key file. */
  readonly MYELIN_SIGNING_KEY?: string
  /** Keys of earlier days: `ed25519:<version> <public key> <end in milliseconds>`, separated by commas. */
  readonly MYELIN_OLD_SIGNING_KEYS?: string
  /** Server names, separated by commas. */
  readonly MYELIN_NOTARIES?: string
  /** Public keys in Base64, separated by commas. */
  readonly MYELIN_DENIED_KEYS?: string
  /** `anyone` (default) or `shared-rooms`: whose profile and devices users and servers may look up. */
  readonly MYELIN_USER_LOOKUPS?: string
  /** `off` (default) or `on`: whether other servers are told what users call their devices. */
  readonly MYELIN_FEDERATE_DEVICE_NAMES?: string
  /** Bytes of the largest file that users may upload. */
  readonly MYELIN_MEDIA_UPLOAD_MAX_BYTES?: string
  /** Bytes of all files of one user; `0`: no limit. */
  readonly MYELIN_MEDIA_USER_QUOTA_BYTES?: string
  /** Bytes of the largest file that is fetched from another server. */
  readonly MYELIN_MEDIA_REMOTE_MAX_BYTES?: string
  /** Days for which copies of other servers' files are kept after their last use; `0`: as long as there is room. */
  readonly MYELIN_MEDIA_REMOTE_RETENTION_DAYS?: string
  /** Bytes of all copies of other servers' files. */
  readonly MYELIN_MEDIA_REMOTE_CACHE_BYTES?: string
  /** `on` (default) or `off`: whether pages that users link to are read for them. */
  readonly MYELIN_URL_PREVIEWS?: string
  /** Hosts, separated by commas, that are not asked for previews, nor their subdomains. */
  readonly MYELIN_URL_PREVIEW_DENY?: string
  /** Pixels of the largest image that thumbnails are made of. */
  readonly MYELIN_MEDIA_THUMBNAIL_MAX_PIXELS?: string
  /** `off` (default) or `on`: whether new files may be downloaded without an access token. */
  readonly MYELIN_MEDIA_UNAUTHENTICATED?: string
  /** Secret of the self-hosting program; opens `/_myelin/control/*`. Absent on Cloudflare, where those routes answer 404. */
  readonly MYELIN_CONTROL_TOKEN?: string
}
