/** Command-line options that every command shares. */
export interface Options {
  /** Configuration file instead of `myelin.jsonc`. */
  readonly config: string | undefined
  /** File to run instead of bundling the sources. */
  readonly bundle: string | undefined
  /** `--password`: instead of a generated one. */
  readonly password: string | undefined
  /** `--admin`: make the new user a server administrator. */
  readonly admin: boolean
  /** The command and what follows it. */
  readonly positionals: readonly string[]
}
