import type { HostFaultCode } from '../providers/host-fault.ts'
import type { StorageFaultCode } from '../providers/storage/storage.ts'

/** A fault of this machine, or of the storage as it is reached from here. A missing key of the key ring counts like a missing file. */
export type HostFaultKind = HostFaultCode | StorageFaultCode | 'STORAGE_FULL' | 'KEY_MISSING'

/** This machine has started to fail its steps, or has not failed one for a while. */
export type HostFaultReport =
  | { readonly kind: 'began'; readonly fault: HostFaultKind; readonly step: string; readonly cause: unknown }
  | { readonly kind: 'ended'; readonly fault: HostFaultKind; readonly steps: number }

/** What steps report to the log. */
export type StepReport =
  | HostFaultReport
  /** The cause of a failure whose message shows people only its meaning. */
  | { readonly kind: 'failed'; readonly code: string; readonly jobId: string; readonly cause: unknown }
