/** The parts of a database URL. */
export interface DatabaseUrl {
  /** How to reach the database, without parameters that would change the session. */
  readonly connectionString: string
  /** Command-line options of the session, such as `-c work_mem=8MB`; '' if there are none. */
  readonly options: string
  readonly applicationName: string | null
}

/** Address, credentials and encryption of the connection. */
const connectionParameters = new Set([
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

/** Parameters that would override our session settings: the driver prefers the URL to its caller's options. */
const sessionParameters = [
  'statement_timeout',
  'query_timeout',
  'lock_timeout',
  'idle_in_transaction_session_timeout',
  'client_encoding',
  'replication',
  'binary',
]

/**
 * Parses a database URL so that nothing in it overrides our settings: only connection parameters are passed to the driver. `options`
 * and `application_name` are returned separately, to be combined with ours.
 */
export function readDatabaseUrl(url: string): DatabaseUrl {
  const { searchParams } = new URL(url)
  const passed = [...searchParams].filter(([name]) => connectionParameters.has(name))
  const bare = url.replace(/[?#].*$/s, '')
  const query = new URLSearchParams(passed).toString().replaceAll('+', '%20')
  return {
    connectionString: query === '' ? bare : `${bare}?${query}`,
    options: searchParams.getAll('options').join(' '),
    applicationName: searchParams.get('application_name'),
  }
}

/** The parameters of a URL that we refuse, because ignoring them silently could surprise. Unknown ones are ignored. */
export function refusedParameters(url: string): readonly string[] {
  const { searchParams } = new URL(url)
  return sessionParameters.filter((name) => searchParams.has(name))
}
