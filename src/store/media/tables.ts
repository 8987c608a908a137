import type { ColumnType } from 'kysely'
import type { Defaulted, DefaultedTimestamp, NullableTimestamp } from '../columns.ts'

export type MediaOrigin = 'uploaded' | 'generated'
export type MediaKind = 'video' | 'image' | 'audio'

/** A still picture of a media: a file of its own. */
export interface Preview {
  readonly kind: 'poster' | 'thumbnail'
  /** The time of its frame. */
  readonly atSeconds: number
  readonly sha256: string
  readonly bytes: number
  readonly width: number
  readonly height: number
}

export interface MediaTable {
  id: Defaulted<string>
  organization_id: string
  origin: Defaulted<MediaOrigin>
  kind: Defaulted<MediaKind>
  title: Defaulted<string>
  tags: Defaulted<string[]>
  added_by: string | null
  declared_bytes: number | null
  declared_type: string | null
  declared_sha256: string | null
  sha256: string | null
  bytes: number | null
  content_type: string | null
  container: string | null
  video_codec: string | null
  audio_codec: string | null
  seconds: number | null
  width: number | null
  height: number | null
  frame_rate: number | null
  previews: ColumnType<readonly Preview[], string | undefined, string>
  preview_bytes: Defaulted<number>
  duplicate_of: string | null
  deleted_at: NullableTimestamp
  created_at: DefaultedTimestamp
  updated_at: DefaultedTimestamp
}
