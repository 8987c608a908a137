/** A clip that waits for a renderer. Clips of one video have the same `video`. */
export interface WaitingClip {
  readonly clipKey: string
  readonly video: QueuedVideo
}

export interface QueuedVideo {
  /** Whose turn it takes. */
  readonly organizationId: string
  /** Milliseconds since 1970; infinite without a due time. */
  readonly dueAt: number
  /** The rendering that the organization is charged for when the video begins. */
  readonly seconds: number
}

/** What has been rendered so far, on one virtual clock that advances by the seconds rendered for each organization. */
export interface Turns {
  readonly now: number
  /** When each organization has used up what was rendered for it. */
  readonly paidUntil: ReadonlyMap<string, number>
  /** The videos that have begun, and when. */
  readonly begun: ReadonlyMap<QueuedVideo, number>
}
