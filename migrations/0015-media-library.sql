-- The media library: videos, images and sounds, uploaded by users or made by jobs. An uploaded media is an instance of the media machine;
-- its checkpoint is in `machine_instance` under the media's id. A media of a job gets its instance when somebody deletes it.

create function media_states() returns text[] language sql immutable parallel safe return array[
  'uploading', 'checking.probing', 'checking.backingOff', 'illustrating.drawing', 'illustrating.backingOff', 'ready', 'refused',
  'converting.encoding', 'converting.backingOff', 'deleted', 'purging.removing', 'purging.backingOff', 'purged', 'expired', 'duplicate'];
alter table machine_instance
  add constraint machine_instance_media_state check (machine <> 'media' or state = any (media_states()));

alter table media
  drop constraint media_pkey,
  add column id uuid not null default gen_random_uuid() primary key,
  add column origin text not null default 'generated' check (origin in ('uploaded', 'generated')),
  add column kind text not null default 'video' check (kind in ('video', 'image', 'audio')),
  add column title text not null default '' check (length(title) <= 200),
  add column tags text[] not null default '{}' check (cardinality(tags) <= 50),
  -- The API key that added it; null if a job did.
  add column added_by text references api_key,
  -- What the client declared of an upload before the first byte. What the file really is stands in the columns without a prefix.
  add column declared_bytes bigint check (declared_bytes > 0),
  add column declared_type text,
  add column declared_sha256 text check (declared_sha256 ~ '^[0-9a-f]{64}$'),
  add column container text,
  add column video_codec text,
  add column audio_codec text,
  add column frame_rate double precision,
  -- The poster and the thumbnails: files of their own, in storage under the hashes of their contents.
  add column previews jsonb not null default '[]',
  add column preview_bytes bigint not null default 0 check (preview_bytes >= 0),
  -- The media with the same content that was there before.
  add column duplicate_of uuid,
  -- When it was deleted. Until it is purged, its files are kept.
  add column deleted_at timestamptz,
  add column updated_at timestamptz not null default now(),
  -- Null before all bytes have arrived and after they were removed.
  alter column sha256 drop not null,
  alter column bytes drop not null,
  -- Null until the file was checked.
  alter column seconds drop not null,
  alter column width drop not null,
  alter column height drop not null,
  alter column content_type drop not null,
  add unique (organization_id, id),
  add foreign key (organization_id, duplicate_of) references media (organization_id, id),
  add check ((sha256 is null) = (bytes is null)),
  -- A job's video has the measures that its renderer gave it.
  add check (origin = 'uploaded' or sha256 is null or (seconds, width, height, content_type) is not null);
-- The same content is stored, counted and listed once, also while its media is deleted and not yet purged: another upload of it restores
-- that media.
create unique index media_content on media (organization_id, sha256) where sha256 is not null;
create index media_created_at on media (organization_id, created_at, id);
create index media_tags on media using gin (tags);

-- A title or tags may be changed at any time; the rest of a row follows its machine.
grant insert, update on media to reelpilot_api;
grant update on media to reelpilot_runtime;
drop policy tenant on media;
create policy tenant on media to reelpilot_api
  using (organization_id = (select current_organization()))
  with check (organization_id = (select current_organization()));
