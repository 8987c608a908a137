/** What a URL of a database says besides where it is. */
export interface DatabaseUrl {
  /** Where the database is and how it is reached, and nothing that would change the session. */
  readonly connectionString: string
  /** Command-line options of the session, such as `-c work_mem=8MB`; empty if there are none. */
  readonly options: string
  readonly applicationName: string | null
}

/** These say where the database is, who we are and how the connection is encrypted. */
const reaching = new Set([
  'host',
  'port',
  'user',
  'password',
  'ssl',
  'sslmode',
  'sslcert',
  'sslkey',
  'sslrootcert',
  'sslnegotiation',
  'uselibpqcompat',
])

/** These would change every session, and past our own settings: the driver lets the URL win over its caller. */
const changing = [
  'statement_timeout',
  'query_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'client_encoding',
  'replication',
  'binary',
]

/**
 * Reads a URL so that nothing in it overrides what we set: of its parameters only those pass to the driver that reach the
 * database. `options` and `application_name` are told apart, to be put together with ours.
 */
export function readDatabaseUrl(url: string): DatabaseUrl {
  const { searchParams } = new URL(url)
  const passed = [...searchParams].filter(([name]) => reaching.has(name))
  const bare = url.replace(/[?#].*$/s, '')
  const query = new URLSearchParams(passed).toString().replaceAll('+', '%20')
  return {
    connectionString: query === '' ? bare : `${bare}?${query}`,
    options: searchParams.getAll('options').join(' '),
    applicationName: searchParams.get('application_name'),
  }
}

/** Parameters of a URL that we cannot go by, and that must not be ignored silently. Others that mean nothing to us are. */
export function refusedParameters(url: string): readonly string[] {
  const { searchParams } = new URL(url)
  return changing.filter((name) => searchParams.has(name))
}
