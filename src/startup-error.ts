import path from 'node:path'

/** A start that cannot go on, for a cause that a person can mend. The message says the cause and what to do; a stack would not help. */
export class StartupError extends Error {
  override readonly name = 'StartupError'
}

/** Settings that cannot be used; the message lists all of them. */
export class ConfigError extends StartupError {}

/** An address to listen on, and the names of the settings that it comes from. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
  /** Undefined where the address is fixed. */
  readonly hostSetting?: string
  readonly portSetting: string
}

/** Why an address cannot be listened on. Anything that is no known cause is answered as it is. */
export function explainListenError(error: unknown, place: ListenAddress): unknown {
  const { host, port, hostSetting = 'HOST', portSetting } = place
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return new ConfigError(
        `${portSetting}: ${port} at ${host} is taken by another program; set another one`,
      )
    case 'EACCES':
      return new ConfigError(
        `${portSetting}: ${port} is not open to this user, as ports below 1024 seldom are; set a higher one, such as 4000`,
      )
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return new ConfigError(
        `${hostSetting}: ${host} is no address of this machine; set one that is, such as 127.0.0.1`,
      )
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new ConfigError(
        `${hostSetting}: ${host} is not known as a name; set an address of this machine, such as 127.0.0.1`,
      )
    default:
      return error
  }
}

/** Faults of a file system that its owner mends. */
const diskFaults: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'part of that path is a file',
  EEXIST: 'it is a file',
  ENOSPC: 'the disk is full',
  EDQUOT: "this user's share of the disk is used up",
}

/** Why the data directory cannot be used, if that is what the error says. Anything else is answered as it is. */
export function explainDataDirectoryError(error: unknown, directory: string): unknown {
  const fault = diskFaults[codeOf(error) ?? '']
  const place = error instanceof Error && 'path' in error ? error.path : undefined
  if (fault === undefined || typeof place !== 'string') return error
  if (place !== directory && !place.startsWith(directory + path.sep)) return error
  return new StartupError(
    `REELPILOT_DATA: ${place} cannot be used, because ${fault}; mend that, or set another directory`,
  )
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
