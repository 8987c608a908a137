import type { ColumnType, JSONColumnType } from 'kysely'

/** A column with a default: it may be left out of an insert. */
export type Defaulted<T> = ColumnType<T, T | undefined, T>
export type Timestamp = ColumnType<Date, Date | string, Date | string>
export type DefaultedTimestamp = ColumnType<Date, Date | string | undefined, Date | string>
export type NullableTimestamp = ColumnType<
  Date | null,
  Date | string | null | undefined,
  Date | string | null
>
export type Json = JSONColumnType<object>
