-- Users are locked, or refused from a second on.

ALTER TABLE portcullis_users ADD COLUMN locked BIGINT NOT NULL DEFAULT 0;   -- 0 or 1
ALTER TABLE portcullis_users ADD COLUMN expires BIGINT;                     -- the first second of no more
