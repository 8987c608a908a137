import { codeOf } from './storage/durable-file.ts'

/** What this machine lacks. Each code is in the table of verdicts, which has the next step. */
export type HostFaultCode = 'DISK_FULL' | 'DISK_UNUSABLE' | 'FFMPEG_MISSING' | 'HOST_EXHAUSTED'

/** This machine cannot do the work now. The work itself is not at fault and is retried unchanged. */
export class HostFault extends Error {
  override readonly name = 'HostFault'
  readonly fault: HostFaultCode

  constructor(fault: HostFaultCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.fault = fault
  }
}

/**
 * The fault of this machine that an error or one of its causes shows, by the system's error code and never by the message.
 * Null for every other error, such as a network error.
 */
export function hostFaultOf(error: unknown): HostFaultCode | null {
  for (let each = error, depth = 0; each instanceof Error && depth < 8; each = each.cause, depth += 1) {
    if (each instanceof HostFault) return each.fault
    const fault = faultOfSystemError(each)
    if (fault) return fault
  }
  return null
}

/** EFBIG is the error beyond RLIMIT_FSIZE. */
const noSpace: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
const exhausted: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM'])
const brokenDisk: ReadonlySet<string> = new Set(['EROFS', 'EIO', 'ESTALE', 'ENODEV'])
/** Errors of a path. Callers handle an expected ENOENT themselves; an unexpected one means a lost directory. */
const brokenPath: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP'])

function faultOfSystemError(error: Error): HostFaultCode | null {
  const code = codeOf(error)
  if (noSpace.has(code)) return 'DISK_FULL'
  if (exhausted.has(code)) return 'HOST_EXHAUSTED'
  const syscall = 'syscall' in error ? String(error.syscall) : ''
  if (syscall.startsWith('spawn')) return 'HOST_EXHAUSTED'
  if (brokenDisk.has(code)) return 'DISK_UNUSABLE'
  // Errors of a socket have an address instead of a path, or beside it.
  return brokenPath.has(code) && 'path' in error && !('address' in error) ? 'DISK_UNUSABLE' : null
}
