import { codeOf } from './storage/durable-file.ts'

/** What this machine lacks. Each is a code in the table of verdicts, which says what to do about it. */
export type HostFaultCode = 'DISK_FULL' | 'DISK_UNUSABLE' | 'FFMPEG_MISSING' | 'HOST_EXHAUSTED'

/** This machine cannot do the work now. It says nothing about the work itself, which is tried again as it is. */
export class HostFault extends Error {
  override readonly name = 'HostFault'
  readonly fault: HostFaultCode

  constructor(fault: HostFaultCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.fault = fault
  }
}

/**
 * Whether an error, or what caused it, is this machine's: decided by the system's error number, never by the text. Null for
 * everything else, such as what a network did.
 */
export function hostFaultOf(error: unknown): HostFaultCode | null {
  for (let each = error, depth = 0; each instanceof Error && depth < 8; each = each.cause, depth += 1) {
    if (each instanceof HostFault) return each.fault
    const fault = faultOfSystemError(each)
    if (fault) return fault
  }
  return null
}

/** RLIMIT_FSIZE answers EFBIG: it, too, is a disk that takes no more. */
const noSpace: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG'])
const exhausted: ReadonlySet<string> = new Set(['EMFILE', 'ENFILE', 'ENOMEM'])
const brokenDisk: ReadonlySet<string> = new Set(['EROFS', 'EIO', 'ESTALE', 'ENODEV'])
/** Of a file. Who may do without it has said so already; what nobody expects to be missing is a directory that is gone. */
const brokenPath: ReadonlySet<string> = new Set(['EACCES', 'EPERM', 'ENOENT', 'ENOTDIR', 'EISDIR', 'ELOOP'])

function faultOfSystemError(error: Error): HostFaultCode | null {
  const code = codeOf(error)
  if (noSpace.has(code)) return 'DISK_FULL'
  if (exhausted.has(code)) return 'HOST_EXHAUSTED'
  const syscall = 'syscall' in error ? String(error.syscall) : ''
  if (syscall.startsWith('spawn')) return 'HOST_EXHAUSTED'
  if (brokenDisk.has(code)) return 'DISK_UNUSABLE'
  // A socket's errors name an address, and not a path.
  return brokenPath.has(code) && 'path' in error && !('address' in error) ? 'DISK_UNUSABLE' : null
}
