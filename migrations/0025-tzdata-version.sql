-- Which version of the time zone data the instant of a slot was computed with; '' if that is not known. Governments change their
-- clocks: under newer data the same wall time may be another instant.
alter table slot add column tzdata_version text collate "C" not null default '';
-- Workers look for coming slots that were computed with older data, every hour; past ones only ever grow.
create index slot_by_time on slot (publish_at, tzdata_version);
