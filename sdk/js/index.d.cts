// The types of the package, for `import` and `require`.

/** Connecting. What is left out, the environment says: TACIT_ADDR, TACIT_TOKEN, TACIT_DIR, XDG_RUNTIME_DIR, TACIT_WORKSPACE, TACIT_GROUP, TACIT_PROVIDER. */
export interface ConnectOptions {
  /** `unix:/path/to/agent.sock` or `https://host`. */
  addr?: string;
  token?: string;
  workspace?: string;
  group?: string;
  /** Of secrets that name none. */
  provider?: string;
  /** Certificates that a server may be signed by, as PEM, instead of the usual ones. */
  ca?: string | Uint8Array;
  /** Instead of process.env. */
  env?: Record<string, string | undefined>;
}

export interface CallOptions {
  signal?: AbortSignal;
  /** Milliseconds until the call fails with code `unavailable`; 30,000 unless told, 0 for none. */
  timeout?: number;
}

export interface Where {
  /** Exactly this scope; else the most specific one that the caller is in. */
  scope?: string;
  provider?: string;
}

export interface GetOptions extends CallOptions, Where {
  /** A number, or the version before the current one. */
  version?: number | 'previous';
  /** One field of a JSON or YAML value. */
  field?: string;
  includeExpired?: boolean;
}

export interface Optional {
  /** A secret that is not there is undefined and no error. Nothing else is forgiven: not denied, not expired, not locked. */
  optional: true;
}

export interface ListOptions extends CallOptions, Where {
  /** A glob over names: `*` within a segment of `/`, `**` across. */
  pattern?: string;
  tags?: string[];
  allScopes?: boolean;
  includeExpired?: boolean;
}

export interface SetOptions extends CallOptions, Where {
  tags?: string[];
  expiresAt?: Date | string;
  note?: string;
  owner?: string;
  aliases?: string[];
  sealed?: boolean;
  /** The service of a sealed secret. */
  service?: string;
  /** Fail with code `exists` instead of adding a version. */
  mustBeNew?: boolean;
}

/** What is known of a secret: everything but its value. */
export interface Secret {
  id: string;
  name: string;
  provider: string;
  scope: string;
  version: number;
  versions: number;
  state: 'active' | 'expiring' | 'expired' | (string & {});
  exposure: 'readable' | 'sealed' | (string & {});
  pin: string | null;
  tags: string[];
  aliases: string[];
  groups: string[];
  owner: string | null;
  note: string | null;
  created_at: string;
  updated_at: string;
  expires_at: string | null;
  rotate_every: string | null;
}

export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type Headers = Record<string, string | string[]> | Iterable<[string, string]>;

export interface InvokeOptions {
  /** Without it: the only one; else POST with a body, GET without. */
  method?: string;
  /** Without it: the only one. */
  path?: string;
  query?: string | Record<string, string> | URLSearchParams;
  headers?: Headers;
  /** An object is sent as JSON, a string and bytes as they are. */
  body?: Json | Uint8Array | { [key: string]: unknown };
  /** Which credential; else the one that is bound, or the narrowest that is ready. */
  credential?: string;
  signal?: AbortSignal;
  /** Milliseconds; else what the capability has. */
  timeout?: number;
  stream?: false;
}

export interface StreamOptions extends Omit<InvokeOptions, 'stream' | 'body'> {
  stream: true;
  body?: InvokeOptions['body'] | AsyncIterable<Uint8Array | string> | Iterable<Uint8Array>;
}

/** What a service answered. Any status is an answer. */
export class Answer {
  readonly capability: string;
  readonly credential: string;
  readonly status: number;
  /** Of 200 to 299. */
  readonly ok: boolean;
  /** Under lower-case names. */
  readonly headers: Record<string, string[]>;
  /** JSON as what it stands for, other text as a string, anything else as a Buffer. */
  // eslint-disable-next-line @typescript-eslint/no-explicit-any
  readonly body: any;
  /** How many places of the answer held the secret and were replaced. */
  readonly redactions: number;
  readonly durationMs: number;
}

/** An answer whose body comes while it is read. One that breaks off throws. */
export class StreamedAnswer implements AsyncIterable<Uint8Array> {
  readonly capability: string;
  readonly credential: string;
  readonly status: number;
  readonly ok: boolean;
  readonly headers: Record<string, string[]>;
  /** Known at the end. */
  readonly redactions: number | null;
  [Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined>;
  /** The body's lines without their ends: server-sent events, JSON lines. */
  lines(): AsyncGenerator<string, void, undefined>;
  bytes(): Promise<Uint8Array>;
  text(): Promise<string>;
  json(): Promise<unknown>;
  /** Ends the answer. Leaving a `for await` early does the same. */
  cancel(): void;
}

export type Code =
  | 'failed' | 'busy' | 'disk_full' | 'newer_format' | 'overdue' | 'limited' | 'usage' | 'invalid' | 'not_found' | 'expired' | 'wrong_key'
  | 'corrupted' | 'tampered' | 'rolled_back' | 'foreign' | 'denied' | 'sealed' | 'untrusted' | 'permissions' | 'locked' | 'no_vault'
  | 'unavailable' | 'exists' | 'conflict' | 'stale_keys' | (string & {});

/** Any failure but an aborted signal, whose reason is thrown. No member holds a secret. */
export class TacitError extends Error {
  readonly code: Code;
  /** The exit status that the command line has for it. */
  readonly exit: number;
  /** What failed and why, in one line. */
  readonly detail: string;
  /** What to do. */
  readonly fix: string | null;
  /** The name that it is about. */
  readonly object: string | null;
  /** Whose failure it is: tacit, provider, broker or upstream. */
  readonly origin: string;
  /** Of the answer; null when there was none. */
  readonly status: number | null;
}

export class Secrets {
  constructor(options?: ConnectOptions);
  /** A value as text. NAME may be a reference: `tacit://NAME@VERSION#FIELD`, with or without `tacit://`. */
  get(name: string, options: GetOptions & Optional): Promise<string | undefined>;
  get(name: string, options?: GetOptions & { optional?: false }): Promise<string>;
  /** A value as it is, text or not. */
  getBytes(name: string, options: GetOptions & Optional): Promise<Uint8Array | undefined>;
  getBytes(name: string, options?: GetOptions & { optional?: false }): Promise<Uint8Array>;
  /** Whether there is such a secret; its value is not asked for. To a token what is not there and what it may not see are one: it throws `denied`. */
  has(name: string, options?: CallOptions & Where & { version?: number | 'previous' }): Promise<boolean>;
  list(options?: ListOptions | string): Promise<Secret[]>;
  set(name: string, value: string | Uint8Array, options?: SetOptions): Promise<Secret>;
  /** Use a service with a secret that the caller never gets. */
  invoke(capability: string, options: StreamOptions): Promise<StreamedAnswer>;
  invoke(capability: string, options?: InvokeOptions): Promise<Answer>;
  close(): void;
}

export function connect(options?: ConnectOptions): Secrets;

/** The client that the environment describes. */
export const secrets: Secrets;
