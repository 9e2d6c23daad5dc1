/** How one response names extensions. */
export interface ExtensionNames {
  readonly toDevice: string
  readonly e2ee: string
  readonly accountData: string
  readonly receipts: string
  readonly typing: string
}

/** What differs between the form that was merged and the one that clients shipped before. */
export interface Dialect {
  readonly form: 'unstable' | 'v4'
  readonly names: ExtensionNames
}

/** Extensions as they are called where proposals are accepted, and have always been in the form that clients shipped. */
export const PLAIN_NAMES: ExtensionNames = {
  toDevice: 'to_device',
  e2ee: 'e2ee',
  accountData: 'account_data',
  receipts: 'receipts',
  typing: 'typing',
}

/** Extensions of the merged form as they are called until their proposals are accepted (MSC4538, 4543, 4548, 4551, 4508). */
export const PROPOSED_NAMES: ExtensionNames = {
  toDevice: 'org.matrix.msc4538.to_device',
  e2ee: 'org.matrix.msc4543.e2ee',
  accountData: 'org.matrix.msc4548.account_data',
  receipts: 'org.matrix.msc4551.receipts',
  typing: 'org.matrix.msc4508.typing',
}

/** The form that clients shipped before MSC4186 was merged. */
export const UNSTABLE: Dialect = { form: 'unstable', names: PLAIN_NAMES }
