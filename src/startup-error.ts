import path from 'node:path'

/** A failed start with a cause that a person can fix. The message says the cause and the remedy; no stack is printed. */
export class StartupError extends Error {
  override readonly name = 'StartupError'
}

/** Invalid settings. The message lists every one. */
export class ConfigError extends StartupError {}

/** An address to listen on, and the names of its settings. */
export interface ListenAddress {
  readonly host: string
  readonly port: number
  /** Default: `HOST`. */
  readonly hostSetting?: string
  readonly portSetting: string
}

/** Explains why listening failed. An unknown error is returned unchanged. */
export function explainListenError(error: unknown, address: ListenAddress): unknown {
  const { host, port, hostSetting = 'HOST', portSetting } = address
  switch (codeOf(error)) {
    case 'EADDRINUSE':
      return new ConfigError(
        `${portSetting}: ${port} at ${host} is used by another program; set another port`,
      )
    case 'EACCES':
      return new ConfigError(
        `${portSetting}: this user may not listen on port ${port}; set one from 1024 on, such as 4000`,
      )
    case 'EADDRNOTAVAIL':
    case 'EAFNOSUPPORT':
      return new ConfigError(
        `${hostSetting}: ${host} is not an address of this machine; set one that is, such as 127.0.0.1`,
      )
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return new ConfigError(
        `${hostSetting}: ${host} cannot be resolved; set an address of this machine, such as 127.0.0.1`,
      )
    default:
      return error
  }
}

/** File system errors that a person can fix. */
const diskFaults: Readonly<Record<string, string>> = {
  EACCES: 'this user may not write there',
  EPERM: 'this user may not write there',
  EROFS: 'the file system is read-only',
  ENOTDIR: 'a part of the path is a file',
  EEXIST: 'it is a file',
  ENOSPC: 'the disk is full',
  EDQUOT: "this user's disk quota is used up",
}

/** Explains a file system error below the data directory. Any other error is returned unchanged. */
export function explainDataDirectoryError(error: unknown, directory: string): unknown {
  const fault = diskFaults[codeOf(error) ?? '']
  const file = error instanceof Error && 'path' in error ? error.path : undefined
  if (fault === undefined || typeof file !== 'string') return error
  if (file !== directory && !file.startsWith(directory + path.sep)) return error
  return new StartupError(
    `REELPILOT_DATA: ${file} cannot be used, because ${fault}; fix that, or set another directory`,
  )
}

export function codeOf(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined
}
